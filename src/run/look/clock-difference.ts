/** How far a host's clock is from ours: asked for once, against the middle of the round trip. */

import type { Clock } from '../../core/clock.ts'
import type { Host } from '../../host/host.ts'

export interface ClockDifference {
  /** The host's clock minus ours. */
  readonly differenceSeconds: number
  /** How far that may be off: half the round trip, and half of what the host rounds down to. */
  readonly errorSeconds: number
}

/** Undefined where the host does not tell the time. Rejects as `Host.run` does. */
export async function measureClock(
  host: Pick<Host, 'run' | 'readClock'>,
  clock: Pick<Clock, 'now'>,
  signal: AbortSignal,
): Promise<ClockDifference | undefined> {
  const before = clock.now()
  if (host.readClock !== undefined) {
    const seconds = await host.readClock(signal)
    return seconds === undefined ? undefined : toDifference(seconds, before, clock.now(), 0.001)
  }
  // Fractions of a second are a GNU extension.
  const { status, stdout } = await host.run(['date', '-u', '+%s'], { signal })
  const after = clock.now()
  const seconds = /^(\d+)\s*$/.exec(stdout)?.[1]
  return status !== 0 || seconds === undefined ? undefined : toDifference(Number(seconds), before, after)
}

/** @param stepSeconds what the host's clock was rounded down to. */
export function toDifference(hostSeconds: number, beforeMs: number, afterMs: number, stepSeconds = 1): ClockDifference {
  const differenceSeconds = hostSeconds + stepSeconds / 2 - (beforeMs + afterMs) / 2000
  return { differenceSeconds: Math.round(differenceSeconds * 10) / 10, errorSeconds: stepSeconds / 2 + (afterMs - beforeMs) / 2000 }
}
