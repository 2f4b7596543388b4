import { describe, expect, test } from 'vitest'
import { EncodeError } from '../../src/core/errors.ts'
import { FfmpegOutput } from '../../src/job/encode.ts'
import { isDiskFull } from '../../src/job/is-disk-full.ts'

describe('a full disk is known', () => {
  test.each([
    [
      'by the system’s code',
      new EncodeError('TRANSFER_FAILED', '"x" cannot be written', { cause: Object.assign(new Error('x'), { code: 'ENOSPC' }) }),
    ],
    ['by a quota', new EncodeError('REPLACE_FAILED', 'x', { cause: Object.assign(new Error('x'), { code: 'EDQUOT' }) })],
    ['by what a shell on the host says', new EncodeError('TRANSFER_FAILED', 'cat: write error: No space left on device')],
    ['before the first byte came over', new EncodeError('TRANSFER_FAILED', '"/var/encode/a.mkv" has 4 MB, and "/films" has room for 1 MB')],
    ['by what ffmpeg says on Windows', new EncodeError('ENCODE_FAILED', 'There is not enough space on the disk')],
    [
      'by what ffmpeg said before it named another reason',
      new EncodeError('ENCODE_FAILED', 'Error writing trailer', {
        cause: new FfmpegOutput({ argv: [], status: 1, stderr: 'av_interleaved_write_frame(): No space left on device\n', frames: 1 }),
      }),
    ],
  ])('%s', (_, error) => {
    expect(isDiskFull(error)).toBe(true)
  })

  test.each([
    ['another fault', new EncodeError('ENCODE_FAILED', 'Invalid data found when processing input')],
    ['the disk of the ledger, which nothing goes on without', new EncodeError('LEDGER_FAILED', 'cannot be written: the disk is full')],
    [
      'a source that a full disk keeps beside its result, which another attempt would find taken',
      new EncodeError('SOURCE_NOT_REMOVED', 'x', { cause: Object.assign(new Error('x'), { code: 'ENOSPC' }) }),
    ],
    ['no error at all', 'No space left on device'],
  ])('but not from %s', (_, error) => {
    expect(isDiskFull(error)).toBe(false)
  })
})
