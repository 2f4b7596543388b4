/** The completion script for fish, 3.1 and later. */

import { COMMANDS, type CommandSpec, type Completion, OPTIONS, type OptionSpec } from '../options.ts'
import { namesOf } from './option-words.ts'

export function renderFishCompletion(): string {
  const options = OPTIONS as readonly OptionSpec[]
  const commands = COMMANDS as readonly CommandSpec[]
  const valueOptions = options.filter(({ value }) => value !== undefined).flatMap(namesOf)
  return `# Completion of encode for fish. In ~/.config/fish/config.fish:  encode completion fish | source

# The names of a kind (clusters, hosts, profiles, templates, mixins), one a line.
function __encode_names
    set -l tokens (commandline -opc)
    set -l program (string replace -r '^~/' $HOME/ -- $tokens[1])
    set -l config
    for index in (seq 2 (count $tokens))
        switch $tokens[$index]
            case -y --config
                set config -y $tokens[(math $index + 1)]
            case '--config=*'
                set config -y (string replace -- --config= '' $tokens[$index])
        end
    end 2>/dev/null
    command $program completion words $argv[1] $config 2>/dev/null </dev/null
end

# Of a list with commas, the last name is completed.
function __encode_mixins
    set -l head (string replace -r '[^,]*$' '' -- (commandline -ct))
    for name in (__encode_names mixins)
        echo $head$name
    end
end

# Is the word being typed the one of this number (0 = the first that is no option), after this command? Number -1 is any after the command.
function __encode_at
    set -l words
    set -l takes no
    for token in (commandline -opc)[2..]
        if test $takes = yes
            set takes no
            continue
        end
        switch $token
            case --
                set -a words ''
            case ${valueOptions.join(' ')}
                set takes yes
            case '-?*'
            case '*'
                set -a words $token
        end
    end
    test $takes = no; or return 1
    set -q argv[2]; and test "$words[1]" != $argv[2]; and return 1
    test $argv[1] = -1; and return 0
    test (count $words) = $argv[1]
end

${options.map(renderOption).join('\n')}

${commands.map(({ name, help }) => `complete -c encode -n '__encode_at 0' -a ${name} -d ${quote(help)}`).join('\n')}
${commands.flatMap(renderCommand).join('\n')}
`
}

function renderOption({ long, short, value, help, completes }: OptionSpec): string {
  const names = short === undefined ? `-l ${long}` : `-s ${short} -l ${long}`
  const takes = value === undefined ? '' : ` ${toFlags(completes ?? 'files')}`
  return `complete -c encode ${names}${takes} -d ${quote(help)}`
}

function renderCommand({ name, completes }: CommandSpec): readonly string[] {
  if (completes === undefined) return []
  const isOnlyFiles = completes.every((completion) => completion === 'files')
  const noFiles = completes.length > 0 && isOnlyFiles ? [] : [`complete -c encode -n '__encode_at -1 ${name}' -f`]
  const words = completes.map((completion, index) => `complete -c encode -n '__encode_at ${index + 1} ${name}' ${toFlags(completion)}`)
  return [...noFiles, ...words]
}

/** What follows, and whether files do. */
function toFlags(completion: Completion): string {
  if (completion === 'files') return '-r -F'
  if (completion === 'folders') return "-x -a '(__fish_complete_directories)'"
  if (completion === 'mixins') return "-x -a '(__encode_mixins)'"
  if (typeof completion === 'string') return `-x -a '(__encode_names ${completion})'`
  return `-x -a ${quote(completion.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
