/** Did an attempt end because a disk was full, here or on the host? That is the fault of neither the file nor the host. */

import { isEncodeError } from '../core/errors.ts'
import { FfmpegOutput } from './encode.ts'

/** What the system's own messages say, in ffmpeg's, a shell's, Node's and our words. */
const SAID = /No space left|not enough space on the disk|Disk quota exceeded|the disk is full|has room for|\bENOSPC\b|\bEDQUOT\b/i
const CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])

export function isDiskFull(error: unknown): boolean {
  // The disk of the state folder: nothing goes on without it. And once the result stands nothing is to be done again.
  if (isEncodeError(error, 'LEDGER_FAILED') || isEncodeError(error, 'SOURCE_NOT_REMOVED')) return false
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && CODES.has(cause.code)) return true
    if (SAID.test(cause instanceof FfmpegOutput ? cause.stderr : cause.message)) return true
  }
  return false
}
