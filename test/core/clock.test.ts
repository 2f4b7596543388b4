import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'

const HOUR_MS = 3_600_000

afterEach(() => vi.restoreAllMocks())

test('a clock that is put back goes on from where it was, also for those who ask often', () => {
  const [wallMs, steadyMs] = [Date.now(), performance.now()]
  const wall = vi.spyOn(Date, 'now').mockReturnValue(wallMs)
  const steady = vi.spyOn(performance, 'now').mockReturnValue(steadyMs)
  const before = systemClock.now()
  wall.mockReturnValue(wallMs - HOUR_MS)
  for (let tenths = 1; tenths <= 1_000; tenths += 1) {
    steady.mockReturnValue(steadyMs + tenths / 10)
    systemClock.now()
  }
  expect(systemClock.now() - before).toBeGreaterThanOrEqual(99)
  expect(systemClock.now() - before).toBeLessThanOrEqual(100)
})

test('a clock that is put forward, or has slept, is believed, and so is one that is slowed down', () => {
  const [wallMs, steadyMs] = [Date.now(), performance.now()]
  vi.spyOn(performance, 'now').mockReturnValue(steadyMs)
  const wall = vi.spyOn(Date, 'now').mockReturnValue(wallMs + 2 * HOUR_MS)
  expect(systemClock.now()).toBe(wallMs + 2 * HOUR_MS)
  wall.mockReturnValue(wallMs + 2 * HOUR_MS - 500)
  expect(systemClock.now()).toBe(wallMs + 2 * HOUR_MS - 500)
})
