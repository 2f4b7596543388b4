/**
 * A program and its arguments as one line, by the rules of the C runtime that takes them apart again.
 * https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
 */

export function toRuntimeLine(argv: readonly string[]): string {
  return argv.map(toRuntimeWord).join(' ')
}

/** Backslashes before a quotation mark are doubled, others stay. */
function toRuntimeWord(argument: string): string {
  return `"${argument.replace(/(\\*)("|$)/g, (_, backslashes: string, mark: string) => `${backslashes}${backslashes}${mark === '"' ? '\\"' : ''}`)}"`
}
