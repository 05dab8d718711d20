#compdef funnel
# SPDX-License-Identifier: GPL-3.0-or-later
# zsh completion for funnel(1). What a word can be is the program's to say: funnel __complete.

_funnel() {
  local line value
  local -a lines plain plain_text open open_text
  lines=("${(@f)$(funnel __complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  if [[ $lines[1] == :* ]]; then
    [[ $PREFIX == --*=* ]] && compset -P '*='
    case $lines[1] in
      :files) _files ;;
      :folders) _files -/ ;;
      :users) _users ;;
      :groups) _groups ;;
      :commands) _command_names -e ;;
    esac
    return
  fi
  for line in $lines; do
    value=${line%%$'\t'*}
    if [[ $value == *= ]]; then
      open+=("$value") open_text+=("$value -- ${line#*$'\t'}")
    else
      plain+=("$value") plain_text+=("$value -- ${line#*$'\t'}")
    fi
  done
  compadd -l -d plain_text -a plain
  compadd -S '' -l -d open_text -a open
}

_funnel "$@"
