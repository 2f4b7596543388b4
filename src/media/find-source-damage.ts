/**
 * A source that is broken in its middle: ffmpeg leaves out what it cannot read, ends with status 0, and the result has the right length.
 * Only its log tells.
 */

import { toPlainLine } from '../core/text.ts'

/** A container's reader had to look for the next thing that it understands, or the file could not be read. */
const UNREADABLE =
  /invalid as first byte of an EBML number|max resync size reached|corrupt input packet in stream|Input\/output error|Stale file handle/

/** A picture or a stretch of sound that was not decoded. */
const UNDECODED =
  /Error while decoding stream|Error submitting packet to decoder|Decoding error:|corrupt decoded frame|error while decoding MB|concealing \d+ DC/

/** `[h264 @ 0x55d1]`, with an address that says nothing. */
const SPEAKER = /^\[([^\]@]+) @ [^\]]*\]\s*/

/** A recording of television begins in the middle of a film: its first pictures lack what they are made of. */
const FEW_UNDECODED = 10

/** One clause; undefined where nothing speaks of damage. @param stderr of an encode, in the words of ffmpeg 4 to 8. */
export function findSourceDamage(stderr: string): string | undefined {
  const lines = stderr.split('\n')
  const unreadable = lines.filter((line) => UNREADABLE.test(line))
  const undecoded = lines.filter((line) => UNDECODED.test(line))
  const count = unreadable.length + undecoded.length
  const [first] = [...unreadable, ...undecoded]
  if (first === undefined || (unreadable.length === 0 && undecoded.length < FEW_UNDECODED)) return undefined
  const said = toPlainLine(first.replace(SPEAKER, '$1: '))
  return `ffmpeg could not read or decode all of it (${said}${count === 1 ? '' : `; ${count} lines of that kind`})`
}
