import { describe, expect, test } from 'vitest'
import { CABLE_RATIO, SHARED_RATIO, toBusySeconds, toFetchSeconds, toReturnSeconds } from '../../src/scheduler/link.ts'

test('a source and its result take as long as their bytes do, each by itself', () => {
  const link = { bytesPerSecond: 10, bothRatio: SHARED_RATIO }
  const job = { fetchBytes: 100, transferBytes: 140 }
  expect([toFetchSeconds(job, link), toReturnSeconds(job, link)]).toEqual([10, 4])
  expect(toReturnSeconds({}, link), 'a host that sees the media itself').toBe(0)
})

describe('a link that has ten seconds to carry there and four back is busy', () => {
  test.each([
    [CABLE_RATIO, 10],
    // Four there and four back take 5 s beside each other, what is left takes 6.
    [0.8, 11],
    [SHARED_RATIO, 14],
  ])('with %d of it for each way: for %d s', (bothRatio, seconds) => {
    expect(toBusySeconds(10, 4, { bothRatio })).toBeCloseTo(seconds, 9)
    expect(toBusySeconds(4, 10, { bothRatio })).toBeCloseTo(seconds, 9)
  })
})
