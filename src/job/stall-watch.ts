/**
 * Tells when work stands still: a number that should change does not, whether reports of it keep coming or not.
 * Time is counted in steps, of which none counts for more than two: what this machine slept, or was stopped, is nobody's standstill.
 */

import type { Clock } from '../core/clock.ts'

export interface StallWatch {
  /** Aborted once nothing has changed for as long as is allowed. */
  readonly signal: AbortSignal
  /** Where the work stands. Only a state other than the last one is a sign of life. */
  report(state: string): void
  /** From now on it may take so much longer: it does something of which nothing is told. */
  allowMore(ms: number): void
  end(): void
}

const STEPS = 20
const LONGEST_STEP_MS = 5_000
/** Without a reason Node makes an error with a trace, for each job. */
const OVER = 'over'

/** @param limitMs 0 = never. */
export function watchStall(clock: Clock, limitMs: number): StallWatch {
  const stalled = new AbortController()
  const ended = new AbortController()
  const stepMs = Math.min(limitMs / STEPS, LONGEST_STEP_MS)
  let stillMs = 0
  let allowedMs = limitMs
  let last: string | undefined
  if (limitMs > 0) void count()

  return {
    signal: stalled.signal,
    report(state) {
      if (state === last) return
      last = state
      stillMs = 0
    },
    allowMore(ms) {
      allowedMs = limitMs + ms
    },
    end: () => ended.abort(OVER),
  }

  async function count(): Promise<void> {
    let atMs = clock.now()
    while (!ended.signal.aborted) {
      await clock.sleep(stepMs, ended.signal).catch(() => {})
      if (ended.signal.aborted) return
      const nowMs = clock.now()
      stillMs += Math.min(Math.max(0, nowMs - atMs), 2 * stepMs)
      atMs = nowMs
      if (stillMs < allowedMs) continue
      stalled.abort()
      return
    }
  }
}
