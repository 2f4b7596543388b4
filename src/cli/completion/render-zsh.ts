/** The completion script for zsh: a function file for the `fpath`, or to be evaluated. */

import { COMMANDS, type CommandSpec, type Completion, OPTIONS, type OptionSpec } from '../options.ts'
import { namesOf, quoteShell } from './option-words.ts'

export function renderZshCompletion(): string {
  const options = OPTIONS as readonly OptionSpec[]
  const commands = COMMANDS as readonly CommandSpec[]
  return `#compdef encode
# Completion of encode for zsh. In ~/.zshrc, after compinit:  eval "$(encode completion zsh)"

# Offers the names of a kind: clusters, hosts, profiles, templates, mixins.
_encode_names() {
  local -a names config expl
  local index
  for (( index = 2; index < $#typed; index++ )); do
    case $typed[index] in
      (-y|--config) config=(-y "\${(Q)typed[index + 1]}") ;;
      (--config=*) config=(-y "\${(Q)typed[index]#--config=}") ;;
    esac
  done
  names=("\${(@f)$("\${\${(Q)typed[1]}/#\\~\\//$HOME/}" completion words $1 $config 2>/dev/null </dev/null)}")
  names=(\${names:#})
  [[ $1 != mixins ]] || compset -P '*,'
  _wanted encode-$1 expl \${1%s} compadd -a names
}

_encode_commands() {
  local -a commands=(
${commands.map(({ name, help }) => `    ${quoteShell(`${name}:${help.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  _describe -t commands command commands
}

_encode_words_of() {
  case $1:$CURRENT in
${commands.flatMap(renderCommand).join('\n')}
    (*) _files ;;
  esac
}

_encode() {
  local context state state_descr line
  local -a typed=("\${(@)words}")
  typeset -A opt_args
  _arguments -s -S -C \\
${options.flatMap(renderOption).join(' \\\n')} \\
    '1: :->first' \\
    '*::: :->rest'
  # After "--" a word is a path, whatever it looks like.
  if [[ -n $state ]] && (( \${typed[(Ie)--]} )); then _files; return; fi
  case $state in
    (first) _alternative 'commands:command:_encode_commands' 'files:file:_files' ;;
    (rest)
      _encode_words_of $line[1]
      ;;
  esac
}

if [[ $funcstack[1] == _encode ]]; then _encode "$@"; else compdef _encode encode; fi
`
}

function renderOption(spec: OptionSpec): readonly string[] {
  const names = namesOf(spec)
  const excluded = spec.isRepeatable === true ? '*' : names.length > 1 ? `(${names.join(' ')})` : ''
  return names.map((name) => {
    if (spec.value === undefined) return `    ${quoteShell(`${excluded}${name}[${escapeText(spec.help)}]`)}`
    const glue = name.startsWith('--') ? '=' : '+'
    const action = toAction(spec.completes ?? 'files')
    return `    ${quoteShell(`${excluded}${name}${glue}[${escapeText(spec.help)}]:${spec.value}:${action}`)}`
  })
}

function renderCommand({ name, completes }: CommandSpec): readonly string[] {
  if (completes === undefined) return []
  return [
    ...completes.map((completion, index) => `    (${name}:${index + 1}) ${toCommand(completion)} ;;`),
    `    (${name}:*) _message 'no more words' ;;`,
  ]
}

function toAction(completion: Completion): string {
  if (completion === 'files') return '_files'
  if (completion === 'folders') return '_files -/'
  if (typeof completion === 'string') return ` _encode_names ${completion}`
  return `(${completion.join(' ')})`
}

function toCommand(completion: Completion): string {
  if (completion === 'files') return '_files'
  if (completion === 'folders') return '_files -/'
  if (typeof completion === 'string') return `_encode_names ${completion}`
  return `compadd -- ${completion.map(quoteShell).join(' ')}`
}

function escapeText(text: string): string {
  return text.replace(/[[\]\\:]/g, '\\$&')
}
