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

test('a wait that a signal ends rejects with its reason, at once where it was aborted before', async () => {
  const [reason, cause] = [new Error('enough'), new AbortController()]
  const waiting = systemClock.sleep(HOUR_MS, cause.signal)
  cause.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(systemClock.sleep(HOUR_MS, cause.signal)).rejects.toBe(reason)
})

test('a wait that is over does not mind its signal any more', async () => {
  const signal = new AbortController().signal
  const listening = vi.spyOn(signal, 'removeEventListener')
  await systemClock.sleep(1, signal)
  expect(listening).toHaveBeenCalledOnce()
})
