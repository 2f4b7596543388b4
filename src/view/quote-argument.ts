/** Arguments as a person can paste them into bash, zsh or ksh. Shown only: what runs on hosts is quoted in `host/shell`. */

// Plain words need no quotes; everything else is data in single quotes.
const PLAIN = /^[\w@%+=:,./-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach the terminal
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** Characters that a terminal would act on are written as `$'…'` escapes, which mean the same to the shell. */
export function quoteArgument(argument: string): string {
  const text = argument.toWellFormed()
  if (PLAIN.test(text)) return text
  if (UNSAFE.test(text)) return `$'${[...text].map(escapeCharacter).join('')}'`
  return `'${text.replaceAll("'", "'\\''")}'`
}

export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(' ')
}

function escapeCharacter(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`
  if (!UNSAFE.test(character)) return character
  // Bytes, since `\u` depends on the shell's locale.
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
