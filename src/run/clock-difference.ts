/** How far a host's clock is from ours: its epoch seconds, asked for once, against the middle of the round trip. */

import type { Clock } from '../core/clock.ts'
import type { Host } from '../host/host.ts'

export interface ClockDifference {
  /** The host's clock minus ours. */
  readonly differenceSeconds: number
  /** How far that may be off: half the round trip, and half of the second that `date` rounds down to. */
  readonly errorSeconds: number
}

/** Undefined where the host does not tell the time. Rejects as `Host.run` does. */
export async function measureClock(host: Host, clock: Pick<Clock, 'now'>, signal: AbortSignal): Promise<ClockDifference | undefined> {
  const before = clock.now()
  // Fractions of a second are a GNU extension.
  const { status, stdout } = await host.run(['date', '-u', '+%s'], { signal })
  const after = clock.now()
  const seconds = /^(\d+)\s*$/.exec(stdout)?.[1]
  return status !== 0 || seconds === undefined ? undefined : toDifference(Number(seconds), before, after)
}

export function toDifference(hostSeconds: number, beforeMs: number, afterMs: number): ClockDifference {
  const differenceSeconds = hostSeconds + 0.5 - (beforeMs + afterMs) / 2000
  return { differenceSeconds: Math.round(differenceSeconds * 10) / 10, errorSeconds: 0.5 + (afterMs - beforeMs) / 2000 }
}
