/**
 * One quoting for every POSIX login shell: sh, bash, dash, busybox ash, zsh, ksh, mksh, fish, tcsh and csh read the same word.
 * sshd hands the command line to the user's login shell, and nobody says beforehand which one that is.
 */

import { EncodeError } from '../../core/errors.ts'
import { toVisible } from '../../core/text.ts'

/** Words for a command line, and whether they are escaped and must be decoded by `DECODE_ARGUMENTS` in the script that gets them. */
export interface CarriedArguments {
  readonly words: readonly string[]
  readonly isEncoded: boolean
}

/**
 * POSIX sh: turns the positional parameters back from `encodeArgument`. The full stop keeps the command substitution from eating final newlines.
 * Only full stops and words that every shell passes alike stand outside quotes.
 */
export const DECODE_ARGUMENTS = 'n=$#; while [ $n -gt 0 ]; do v=$(printf %b. "$1"); shift; set -- "$@" "${v%.}"; n=$((n-1)); done;'

/**
 * Quotes one word. Inside single quotes `'` ends them everywhere, `\` is special in fish and `!` in csh: these three stand outside, each after a backslash.
 * csh cannot carry a line end inside quotes: see `carryArguments`.
 *
 * @throws NAME_NOT_CARRIED for a NUL, a line end or text that is not well-formed.
 */
export function quoteWord(word: string): string {
  assertCarried(word)
  if (LINE_END.test(word)) throw new EncodeError('NAME_NOT_CARRIED', `A line end cannot stand on a command line: "${toVisible(word)}"`)
  let quoted = ''
  let isInside = false
  for (const character of word) {
    const isSpecial = character === "'" || character === '\\' || character === '!'
    if (isSpecial === isInside) {
      quoted += "'"
      isInside = !isInside
    }
    quoted += isSpecial ? `\\${character}` : character
  }
  if (isInside) quoted += "'"
  return quoted === '' ? "''" : quoted
}

/** Escapes for `printf %b`, so that a name stands on one line of data. */
export function encodeArgument(argument: string): string {
  assertCarried(argument)
  return argument.replace(/[\\\n\r]/g, (character) => (character === '\n' ? '\\n' : character === '\r' ? '\\r' : '\\\\'))
}

/** Makes an argument list fit for a command line; it is escaped only when an argument holds a line end, which csh could not carry. */
export function carryArguments(argv: readonly string[]): CarriedArguments {
  const isEncoded = argv.some((argument) => LINE_END.test(argument))
  return { words: isEncoded ? argv.map(encodeArgument) : argv, isEncoded }
}

const LINE_END = /[\n\r]/

function assertCarried(word: string): void {
  if (word.includes('\0')) {
    throw new EncodeError('NAME_NOT_CARRIED', `A NUL byte cannot be handed to a program: "${toVisible(word)}"`)
  }
  if (!word.isWellFormed()) {
    throw new EncodeError('NAME_NOT_CARRIED', `The text is not valid Unicode: "${toVisible(word.toWellFormed())}"`, {
      hint: 'Rename the file to valid UTF-8',
    })
  }
}
