# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for funnel(1). What a word can be is the program's to say: funnel __complete.

_funnel() {
  local line=${COMP_LINE:0:COMP_POINT} words cur value candidates candidate strip=""
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=${words[-1]}
  mapfile -t candidates < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
  value=$cur
  [[ $cur == --*=* ]] && value=${cur#*=}
  case ${candidates[0]-} in
    :files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$value"); return ;;
    :folders) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$value"); return ;;
    :users) mapfile -t COMPREPLY < <(compgen -u -- "$value"); return ;;
    :groups) mapfile -t COMPREPLY < <(compgen -g -- "$value"); return ;;
    :commands) mapfile -t COMPREPLY < <(compgen -c -- "$cur"); return ;;
  esac
  # bash takes "=" and ":" for ends of words, and wants only what follows the last one.
  [[ $COMP_WORDBREAKS == *=* && $cur == *=* ]] && strip=${cur%"${cur##*=}"}
  [[ $COMP_WORDBREAKS == *:* && $cur == *:* ]] && strip=${cur%"${cur##*:}"}
  for candidate in "${candidates[@]}"; do
    candidate=${candidate%%$'\t'*}
    COMPREPLY+=("${candidate#"$strip"}")
  done
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}

complete -F _funnel funnel
