import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toDifference } from '../../../src/run/look/clock-difference.ts'

describe('the difference of two clocks', () => {
  test('is taken against the middle of the round trip', () => {
    // Asked at 100.0 s, answered at 103.0 s, by a host that read its clock in the middle: 101.5 s is told as 101.
    expect(toDifference(101, 100_000, 103_000)).toEqual({ differenceSeconds: 0, errorSeconds: 2 })
    expect(toDifference(3701, 100_000, 103_000)).toMatchObject({ differenceSeconds: 3600 })
    expect(toDifference(41, 100_000, 103_000)).toMatchObject({ differenceSeconds: -60 })
  })

  test('is never further off than it says, wherever in the round trip the host looked', () => {
    const times = fc.record({
      beforeMs: fc.integer({ min: 1e12, max: 2e12 }),
      tripMs: fc.integer({ min: 0, max: 60_000 }),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      aheadMs: fc.integer({ min: -1e8, max: 1e8 }),
    })
    fc.assert(
      fc.property(times, ({ beforeMs, tripMs, at, aheadMs }) => {
        const hostSeconds = Math.floor((beforeMs + tripMs * at + aheadMs) / 1000)
        const { differenceSeconds, errorSeconds } = toDifference(hostSeconds, beforeMs, beforeMs + tripMs)
        // Rounded to a tenth.
        expect(Math.abs(differenceSeconds - aheadMs / 1000)).toBeLessThanOrEqual(errorSeconds + 0.051)
      }),
    )
  })
})
