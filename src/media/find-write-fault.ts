/**
 * An encode that "went well" and lost its end: ffmpeg (seen in 5.1) ends with status 0 when the last bytes of a result could not be
 * written, and says so in its log alone. The header, written again in place, promises the whole length all the same.
 */

import { toPlainLine } from '../core/text.ts'

const WRITE_FAULT =
  /^.*(?:Error writing trailer of|Error closing file|av_interleaved_write_frame\(\): |No space left on device|Disk quota exceeded).*$/m

/** The line that tells of it; undefined where nothing does. */
export function findWriteFault(stderr: string): string | undefined {
  const [line] = WRITE_FAULT.exec(stderr) ?? []
  return line === undefined ? undefined : toPlainLine(line)
}

/** Options that make ffmpeg speak of errors where a profile silences it (`-loglevel quiet`); none where it speaks anyway. */
export function toAudible(options: readonly string[]): readonly string[] {
  const isSilent = options.some(
    (option, at) => ['-loglevel', '-v'].includes(option) && /^(?:.*\+)?(?:quiet|panic|fatal|-8|0|8)$/.test(options[at + 1] ?? ''),
  )
  return isSilent ? ['-loglevel', 'error'] : []
}
