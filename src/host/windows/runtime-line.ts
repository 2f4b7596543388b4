/**
 * A program and its arguments as one line, by the rules of the C runtime that takes them apart again.
 * https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
 *
 * Each percent sign stands between two quoted parts, so that a shell that reads the line after all finds no variable's name there.
 */

export function toRuntimeLine(argv: readonly string[]): string {
  return argv.map(toRuntimeWord).join(' ')
}

/** A leash of Windows asks ffmpeg on its stdin to end: it must listen there. */
export function withoutNostdin(argv: readonly string[]): readonly string[] {
  return argv[1] === '-nostdin' ? argv.toSpliced(1, 1) : argv
}

/** Backslashes before a quotation mark are doubled, others stay. */
function toRuntimeWord(argument: string): string {
  const inner = argument.replace(/(\\*)(["%]|$)/g, (_, backslashes: string, mark: string) => {
    const doubled = `${backslashes}${backslashes}`
    return mark === '"' ? `${doubled}\\"` : mark === '%' ? `${doubled}"%"` : doubled
  })
  return `"${inner}"`
}
