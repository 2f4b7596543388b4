import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWakefulness } from '../../../src/host/local/stay-awake.ts'

const LINGER_MS = 1000

/** What was started and ended, in order. */
let log: string[]
beforeEach(() => {
  log = []
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function create() {
  const start = () => {
    log.push('awake')
    return () => void log.push('may sleep')
  }
  return createWakefulness({ start, lingerMs: LINGER_MS })
}

test('a machine is kept awake once, for all that run and for a while after the last of them', () => {
  const wakefulness = create()
  const first = wakefulness.hold()
  const second = wakefulness.hold()
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  vi.advanceTimersByTime(2 * LINGER_MS)
  expect(log).toEqual(['awake'])

  second[Symbol.dispose]()
  vi.advanceTimersByTime(LINGER_MS / 2)
  const next = wakefulness.hold()
  vi.advanceTimersByTime(2 * LINGER_MS)
  expect(log).toEqual(['awake'])

  next[Symbol.dispose]()
  vi.advanceTimersByTime(LINGER_MS)
  expect(log).toEqual(['awake', 'may sleep'])
  wakefulness.hold()
  expect(log).toEqual(['awake', 'may sleep', 'awake'])
})

test('a machine is not kept awake by a host that is closed', () => {
  const wakefulness = create()
  wakefulness.hold()[Symbol.dispose]()
  wakefulness[Symbol.dispose]()
  expect(log).toEqual(['awake', 'may sleep'])
  vi.advanceTimersByTime(2 * LINGER_MS)
  expect(log).toEqual(['awake', 'may sleep'])
})
