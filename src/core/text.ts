/** Text for one line of a terminal: what comes from elsewhere (file names, remote output) made safe, names quoted. */

/** Control characters (C0, DEL, C1), line and paragraph separators, and marks that turn the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the point
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' }

/** Shows each unsafe character as a visible escape, so that two different names never look the same. */
export function toVisible(text: string): string {
  return text.replace(UNSAFE, (character) => NAMED[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** As `toVisible`, for text of several lines: line ends and tabs stay. */
export function toVisibleLines(text: string): string {
  return text.replace(UNSAFE, (character) => (character === '\n' || character === '\t' ? character : toVisible(character)))
}

/** JSON on one line in which what a terminal would obey is escaped; whoever parses it gets the value as it is. */
export function toSafeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Remote text for a person: escape sequences and control characters taken out, white space folded, cut to `maxLength`. */
export function toPlainLine(text: string, maxLength = 600): string {
  const plain = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ANSI escape sequences begin with ESC
    .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g, '')
    .replace(/\s+/g, ' ')
    .replace(UNSAFE, '')
    .trim()
  return plain.length > maxLength ? `${plain.slice(0, maxLength - 1)}…` : plain
}

/** `"a", "b"`, or `"a" or "b"` with a conjunction. */
export function quoteAll(words: Iterable<string>, conjunction?: 'and' | 'or'): string {
  return [...words].map((word) => `"${word}"`).join(conjunction === undefined ? ', ' : ` ${conjunction} `)
}
