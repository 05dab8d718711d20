# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion for funnel(1)

_funnel_names() {
  funnel status --json 2>/dev/null | sed -n 's/^ *"name" : "\(.*\)",\{0,1\}$/\1/p' | sort -u
}

_funnel() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command="" word
  COMPREPLY=()

  # "--flag=value" arrives as three words.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $prev in
    --cert-file | --key-file | --ca-file | --eab-key-file | --install | --uninstall)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    --allow-user | --deny-user)
      mapfile -t COMPREPLY < <(compgen -u -- "$cur")
      return
      ;;
    --group)
      mapfile -t COMPREPLY < <(compgen -g -- "$cur")
      return
      ;;
    --name)
      mapfile -t COMPREPLY < <(compgen -W "$(_funnel_names)" -- "$cur")
      return
      ;;
    --https | --tcp | --tls-terminated-tcp)
      mapfile -t COMPREPLY < <(compgen -W "443 8443 10000" -- "$cur")
      return
      ;;
    --wait | --eab | --profile | --contact | --min-validity | --hook | --ct-log | --dns | --issuer) return ;;
  esac

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      status | doctor | reset | join | leave | cert | audit | ca | off | tunnel | help)
        command=$word
        break
        ;;
    esac
  done

  if [[ $cur == -* ]]; then
    case $command in
      status | doctor | join | tunnel) word="--json --system --help" ;;
      reset) word="--yes --json --system --help" ;;
      leave) word="--revoke --yes --json --system --help" ;;
      ca) word="--add --ca-file= --eab= --eab-key-file= --profile= --contact= --json --system --help" ;;
      off) word="--set-path= --https= --tcp= --tls-terminated-tcp= --name= --yes --json --system --help" ;;
      cert) word="--cert-file= --key-file= --min-validity= --install= --group= --hook= --uninstall= --allow-user= --deny-user=
               --forget --list --json --system --help" ;;
      audit) word="--ct-log= --dns= --issuer= --json --system --help" ;;
      help) word="--help" ;;
      *) word="--bg --https= --tcp= --tls-terminated-tcp= --name= --cert-file= --key-file= --wait= --set-path= --allow= --deny=
               --auth= --auth-file= --max-conns= --rate= --for= --until= --lan --force --host-header= --keep-prefix
               --listing --proxy-protocol= --alpn= --port-env --yes --json --system --help --version" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
    return
  fi
  case $command in
    cert | audit | doctor) mapfile -t COMPREPLY < <(compgen -W "$(_funnel_names)" -- "$cur") ;;
    tunnel) mapfile -t COMPREPLY < <(compgen -W "on auto networkmanager netns" -- "$cur") ;;
    help) mapfile -t COMPREPLY < <(compgen -W "status doctor reset export import join leave cert audit ca off tunnel help" -- "$cur") ;;
    "") mapfile -t COMPREPLY < <(compgen -W "status doctor reset export import join leave cert audit ca off tunnel help" -- "$cur") ;;
  esac
}

complete -F _funnel funnel
