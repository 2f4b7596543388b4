/**
 * Whether this process is what holds up the bytes that pass through it: its one thread is at work then, where it would wait for a link that is the
 * limit. A share of time, and not a rate: what a machine can move differs, and other transfers of the run count, too.
 */

import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 100
/** A look counts for so much: a few milliseconds of something else are no load. */
const WEIGHT = 1 / 3

/** Resolves with true when this process was at work for so much of its time lately, 0 to 1, and with false when `signal` is aborted before that. */
export async function untilBusy(fromRatio: number, signal: AbortSignal): Promise<boolean> {
  let busyRatio: number | undefined
  for (let before: EventLoopUtilization | undefined; ; ) {
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return false
    const now = performance.eventLoopUtilization()
    // What it takes to begin, with code that has never run, tells nothing.
    if (before !== undefined) {
      const { utilization } = performance.eventLoopUtilization(now, before)
      busyRatio = busyRatio === undefined ? utilization : busyRatio + (utilization - busyRatio) * WEIGHT
      if (busyRatio >= fromRatio) return true
    }
    before = now
  }
}
