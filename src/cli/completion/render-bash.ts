/** The completion script for bash, 3.2 (macOS) and later. Names from a configuration are data there: they never reach an expansion. */

import { COMMANDS, type CommandSpec, type Completion, OPTIONS, type OptionSpec } from '../options.ts'
import { namesOf, quoteShell } from './option-words.ts'

export function renderBashCompletion(): string {
  return `${HEAD}
_encode() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prefix= first= option= ended= config= count=0 i=1 word
  local program=\${COMP_WORDS[0]/#\\~\\//$HOME/}
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word=\${COMP_WORDS[i]}
    if [ -n "$ended" ] || [[ $word != -?* ]]; then
      [ "$count" -gt 0 ] || [ -n "$ended" ] || first=$word
      count=$((count + 1))
    elif [ "$word" = -- ]; then
      ended=yes
    else
      case $word in
        ${valueOptionPattern()})
          # Readline takes "--cluster=home" for three words.
          [ "\${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
          i=$((i + 1))
          if [ "$i" -ge "$COMP_CWORD" ]; then
            option=$word
          else
            case $word in -y | --config) config=\${COMP_WORDS[i]//[\\"\\'\\\\]/} ;; esac
          fi
          ;;
      esac
    fi
    i=$((i + 1))
  done
  [ -z "$option" ] || [ "$cur" != = ] || cur=

  if [ -n "$option" ]; then
    case $option in
${optionCases()}
    esac
  elif [ -z "$ended" ] && [[ $cur == -* ]]; then
    _encode_offer ${OPTIONS.flatMap(namesOf).join(' ')}
    _encode_no_files
  elif [ "$count" = 0 ] && [ -z "$ended" ]; then
    _encode_offer ${COMMANDS.map(({ name }) => name).join(' ')}
    # Where nothing else fits, bash itself completes files; bash 3.2 cannot be told to quote them beside other words.
    if [ "\${#COMPREPLY[@]}" -gt 0 ] && compopt -o filenames 2>/dev/null; then
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
    fi
  else
    case $first:$count in
${commandCases()}
    esac
  fi
}
complete -o bashdefault -o default -F _encode encode
`
}

const HEAD = `# Completion of encode for bash. In ~/.bashrc:  eval "$(encode completion bash)"

_encode_no_files() {
  compopt +o default +o bashdefault 2>/dev/null
}

# Offers those words that fit what is typed.
_encode_offer() {
  local word quoted
  for word in "$@"; do
    printf -v quoted %q "$word"
    case $prefix$quoted in "$cur"*) COMPREPLY+=("$prefix$quoted") ;; esac
  done
}

# Offers the names of a kind: clusters, hosts, profiles, templates, mixins.
_encode_names() {
  local name
  while IFS= read -r name; do
    _encode_offer "$name"
  done < <("$program" completion words "$1" \${config:+-y "$config"} 2>/dev/null </dev/null)
  _encode_no_files
}

# Of a list with commas, the last name is completed.
_encode_mixins() {
  case $cur in *,*) prefix=\${cur%,*}, ;; esac
  _encode_names mixins
}

# Offers the folders that fit what is typed.
_encode_folders() {
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$cur")
}
`

function valueOptionPattern(): string {
  return (OPTIONS as readonly OptionSpec[])
    .filter(({ value }) => value !== undefined)
    .flatMap(namesOf)
    .join(' | ')
}

function optionCases(): string {
  return (OPTIONS as readonly OptionSpec[])
    .filter(({ value }) => value !== undefined)
    .map((spec) => `      ${namesOf(spec).join(' | ')}) ${toCommands(spec.completes ?? 'files')} ;;`)
    .join('\n')
}

function commandCases(): string {
  return (COMMANDS as readonly CommandSpec[])
    .flatMap(({ name, completes }) => {
      if (completes === undefined) return []
      const words = completes.map((completion, index) => `      ${name}:${index + 1}) ${toCommands(completion)} ;;`)
      return [...words, `      ${name}:*) _encode_no_files ;;`]
    })
    .join('\n')
}

function toCommands(completion: Completion): string {
  if (completion === 'files') return ':'
  if (completion === 'folders') return '_encode_folders'
  if (completion === 'mixins') return '_encode_mixins'
  if (typeof completion === 'string') return `_encode_names ${completion}`
  return `_encode_offer ${completion.map(quoteShell).join(' ')}; _encode_no_files`
}
