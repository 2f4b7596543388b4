/**
 * Quoting for a Windows host whose login shell is cmd.exe: one argument of a line that cmd reads first, and a program parses afterwards
 * by the rules of the C runtime (ffmpeg.exe, ffprobe.exe). The two do not agree on what a quotation mark is.
 *
 * - Between quotation marks cmd takes everything as it is but `%`. The C runtime takes `\"` for a quotation mark, cmd takes it for the end
 *   of the quotes: an argument that holds one stands outside of what cmd sees as quotes, with a caret before all that is special there.
 * - `%NAME%` is expanded in quotes or not, and no caret helps; what is no variable stays as it is. Each `%` stands between two quoted parts,
 *   so that what cmd looks up begins with a quotation mark, and no variable does: `%NAME:~0,1%` and `%NAME:a=b%` find nothing either.
 * - The C runtime halves the backslashes before a quotation mark.
 *   https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
 *
 * Good for `cmd /c` and for lines that are typed, not for batch files (they drop a `%` that stands alone), nor where delayed expansion was
 * switched on for the whole machine (`!`).
 */

import { EncodeError } from '../../core/errors.ts'
import { toVisible } from '../../core/text.ts'

/** The longest line that cmd.exe reads. */
export const MAX_CMD_LINE_CHARACTERS = 8191

/**
 * Quotes one argument.
 *
 * @throws NAME_NOT_CARRIED for a NUL, a line end (it would end the command) or text that is not well-formed.
 */
export function quoteCmdArgument(argument: string): string {
  if (/[\0\n\r]/.test(argument) || !argument.isWellFormed()) {
    throw new EncodeError('NAME_NOT_CARRIED', `A Windows command line cannot carry "${toVisible(argument.toWellFormed())}"`, {
      hint: 'Rename the file: no line ends, and valid Unicode',
    })
  }
  const quoted = argument.replace(/(\\*)("|%|[^\\"%]+|$)/g, (_, backslashes: string, rest: string) => {
    const doubled = backslashes.repeat(2)
    if (rest === '"') return `${doubled}\\"`
    if (rest === '%') return `${doubled}"%"`
    return rest === '' ? doubled : `${backslashes}${rest}`
  })
  return argument.includes('"') ? `"${quoted}"`.replace(/["^&|<>()!]/g, '^$&') : `"${quoted}"`
}
