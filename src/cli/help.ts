/** `--help`: fits a screen of 80 columns and 24 lines. */

import { COMMANDS, OPTIONS, type OptionSpec } from './options.ts'

const NAME_COLUMNS = 23
const COLUMNS = 80

export function renderHelp(): string {
  return [
    'encode: turns every machine you can SSH into, into one encoder',
    'Usage: encode [OPTION | PATH]...   (a PATH is a file, a folder or a quoted glob)',
    ...renderCommands(),
    ...toLines(OPTIONS).map(renderLine),
    'Example: encode -c home /tv/s01*.mp4 -c work -p hevc /tv/s02*.mp4',
    'Exit: 0 done, 1 a job failed, 2 usage, 3 no usable host, 130/143 interrupted',
  ].join('\n')
}

/** In as many lines as they need. */
function renderCommands(): readonly string[] {
  const [first = '', ...others] = COMMANDS.map(({ name, arguments: words }) => `${name} ${words}`.trimEnd())
  const lines = [`Commands: ${first}`]
  for (const command of others) {
    const line = `${lines.at(-1)} | ${command}`
    if (line.length <= COLUMNS) lines[lines.length - 1] = line
    else lines.push(`  ${command}`)
  }
  return lines
}

function toLines(options: readonly OptionSpec[]): readonly (readonly OptionSpec[])[] {
  const lines: OptionSpec[][] = []
  for (const option of options) {
    if (option.isJoined === true) lines.at(-1)?.push(option)
    else lines.push([option])
  }
  return lines
}

function renderLine(options: readonly OptionSpec[]): string {
  const names = options.map(
    ({ long, short, value }) => `${short === undefined ? '' : `-${short}, `}--${long}${value === undefined ? '' : ` ${value}`}`,
  )
  const indent = options[0]?.short === undefined ? '      ' : '  '
  return `${`${indent}${names.join('  ')}`.padEnd(NAME_COLUMNS)}  ${options.map(({ help }) => help).join(', ')}`
}
