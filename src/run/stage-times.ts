/** Where the time of an attempt goes, stage by stage: encoding teaches the scheduler a host's speed, fetch and return that of its link. */

import type { Clock } from '../core/clock.ts'
import type { Spent } from '../scheduler/speeds.ts'

export interface StageTimes {
  /** A stage begins, and the one before it ends. */
  begin(stage: string): void
  /** The attempt has ended; undefined when it encoded nothing. */
  end(transferBytes: number): Spent | undefined
}

export function createStageTimes(clock: Pick<Clock, 'now'>): StageTimes {
  const seconds = new Map<string, number>()
  let current: string | undefined
  let sinceMs = 0

  function begin(stage: string | undefined): void {
    const now = clock.now()
    if (current !== undefined) seconds.set(current, (seconds.get(current) ?? 0) + (now - sinceMs) / 1000)
    current = stage
    sinceMs = now
  }

  return {
    begin,
    end(transferBytes) {
      begin(undefined)
      const encodeSeconds = seconds.get('encode')
      if (encodeSeconds === undefined) return undefined
      const transferSeconds = (seconds.get('fetch') ?? 0) + (seconds.get('return') ?? 0)
      return transferSeconds === 0 ? { encodeSeconds } : { encodeSeconds, transferSeconds, transferBytes }
    },
  }
}
