/** docs/man/encode.1: the manual page, of the same tables as --help. Macros of man(7). */

import { COMMANDS, type CommandSpec, OPTIONS, type OptionSpec } from '../../src/cli/options.ts'
import { COMMAND_DETAILS, DESCRIPTION, ENVIRONMENT, EXAMPLES, EXIT_STATUSES, FILES, OPTION_DETAILS } from './man-text.ts'

export function renderMan(version: string): string {
  const details: Readonly<Record<string, string | undefined>> = { ...OPTION_DETAILS }
  const commandDetails: Readonly<Record<string, string | undefined>> = { ...COMMAND_DETAILS }
  const lines = [
    '.\\" Made by "npm run docs" from src/cli/options.ts and docs/generate/man-text.ts: change it there.',
    `.TH ENCODE 1 "" "encode ${version}" "User Commands"`,
    '.SH NAME',
    'encode \\- turns every machine you can SSH into, into one encoder',
    '.SH SYNOPSIS',
    ...synopsis(['[\\fIOPTION\\fR | \\fIPATH\\fR]...']),
    ...COMMANDS.flatMap(({ name, arguments: words }) => ['.br', ...synopsis([`${escapeRoff(name)} ${italicNames(words)}`.trimEnd()])]),
    '.SH DESCRIPTION',
    ...DESCRIPTION.flatMap((paragraph, index) => (index === 0 ? [text(paragraph)] : ['.PP', text(paragraph)])),
    '.SH OPTIONS',
    ...(OPTIONS as readonly OptionSpec[]).flatMap((option) => entry(optionNames(option), sentence(option), details[option.long])),
    '.SH COMMANDS',
    'Options go before or after the name of a command.',
    ...(COMMANDS as readonly CommandSpec[]).flatMap(({ name, arguments: words, help }) =>
      entry(`\\fB${escapeRoff(name)}\\fR ${italicNames(words)}`.trimEnd(), sentence({ help }), commandDetails[name]),
    ),
    '.SH "EXIT STATUS"',
    ...EXIT_STATUSES.flatMap(([status, meaning]) => entry(`\\fB${status}\\fR`, meaning)),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, meaning]) => entry(`\\fB${name}\\fR`, meaning)),
    '.SH FILES',
    ...FILES.flatMap(([name, meaning]) => entry(`\\fI${escapeRoff(name)}\\fR`, meaning)),
    '.SH EXAMPLES',
    ...EXAMPLES.flatMap(([what, command]) => ['.PP', text(what), '.PP', '.RS 4', '.nf', text(command), '.fi', '.RE']),
    '.SH "SEE ALSO"',
    '.BR ffmpeg (1),',
    '.BR ssh (1),',
    '.BR ssh_config (5)',
    '.PP',
    'Every configuration key: docs/configuration.md in the package.',
  ]
  return `${lines.join('\n')}\n`
}

function synopsis(words: readonly string[]): readonly string[] {
  return [`\\fBencode\\fR ${words.join(' ')}`]
}

function optionNames({ long, short, value }: OptionSpec): string {
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${long}`].map((name) => `\\fB${escapeRoff(name)}\\fR`)
  return `${names.join(', ')}${value === undefined ? '' : ` \\fI${escapeRoff(value)}\\fR`}`
}

/** A tagged paragraph. */
function entry(tag: string, ...sentences: readonly (string | undefined)[]): readonly string[] {
  return ['.TP', tag, ...sentences.filter((part) => part !== undefined).map(text)]
}

/** A help line as a sentence; one that begins with a word to be typed keeps it as it is. */
function sentence({ help, completes }: Pick<OptionSpec, 'help' | 'completes'>): string {
  if (Array.isArray(completes) && completes.some((word) => help.startsWith(word))) return `${help}.`
  return `${help.charAt(0).toUpperCase()}${help.slice(1)}.`
}

/** `[RUN]` with its name in italics; words in small letters are typed as they are. */
function italicNames(words: string): string {
  return escapeRoff(words)
    .replace(/[A-Z]{2,}/g, '\\fI$&\\fR')
    .replace(/[a-z]{2,}/g, '\\fB$&\\fR')
}

/** A line of running text; one that begins like a request is shielded. */
function text(line: string): string {
  return escapeRoff(line).replace(/^[.']/, '\\&$&')
}

function escapeRoff(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
}
