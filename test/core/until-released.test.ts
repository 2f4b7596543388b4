import { describe, expect, test } from 'vitest'
import { untilReleased } from '../../src/core/until-released.ts'

const AT_ONCE = { tries: 3, pauseMs: 0 }

function failing(times: number, code: string): () => Promise<string> {
  let left = times
  return async () => {
    left -= 1
    if (left >= 0) throw Object.assign(new Error('Refused'), { code })
    return 'done'
  }
}

describe('a file that somebody holds open', () => {
  test.each(['EBUSY', 'ETXTBSY'])('is tried again after %s', async (code) => {
    expect(await untilReleased(failing(2, code), AT_ONCE)).toBe('done')
  })

  test('is given up after a while, with the reason', async () => {
    await expect(untilReleased(failing(3, 'EBUSY'), AT_ONCE)).rejects.toMatchObject({ code: 'EBUSY' })
  })

  test('is not waited for where the reason is another one', async () => {
    await expect(untilReleased(failing(1, 'EACCES'), AT_ONCE)).rejects.toMatchObject({ code: 'EACCES' })
  })
})
