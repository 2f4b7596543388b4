/**
 * Where the time of an attempt goes, stage by stage: encoding teaches the scheduler a host's speed, fetch and return that of its link.
 * Waiting for a slot is neither.
 */

import type { Clock } from '../../core/clock.ts'
import type { Spent } from '../../scheduler/speeds.ts'
import type { LinkMeter, LinkWay } from './link-meter.ts'

export interface StageTimes {
  /** A stage begins, and the one before it ends. */
  begin(stage: string): void
  /** Bytes of the source, or of the result, that have moved by now: in the stage for that, or while it encodes. */
  moved(way: LinkWay, bytes: number): void
  /** The attempt has ended; undefined when it encoded nothing. */
  end(): Spent | undefined
}

/** @param link of the host. */
export function createStageTimes(clock: Pick<Clock, 'now'>, link: LinkMeter): StageTimes {
  const seconds = new Map<string, number>()
  const movedBytes = { fetch: 0, return: 0 }
  /** Of the source, while it was encoded. */
  let arrivedBytes = 0
  let linkBytes = 0
  let current: string | undefined
  let sinceMs = 0
  let sinceBytes = 0
  /** Of the result, before this stage. */
  let cameBefore = 0

  function begin(stage: string | undefined): void {
    const now = clock.now()
    if (current !== undefined && !isRest()) {
      seconds.set(current, (seconds.get(current) ?? 0) + (now - sinceMs) / 1000)
      if (isTransfer(current)) linkBytes += link.totalBytes(current) - sinceBytes
    }
    current = stage
    cameBefore = movedBytes.return
    sinceMs = now
    sinceBytes = isTransfer(stage) ? link.totalBytes(stage) : 0
  }

  /** The little that is left of a result that was fetched while it was written comes in the time of a few answers: that is no speed of the link. */
  function isRest(): boolean {
    return current === 'return' && movedBytes.return - cameBefore < cameBefore
  }

  return {
    begin,
    moved(way, bytes) {
      // After a break a transfer may go on from an earlier byte.
      const more = Math.max(0, bytes - movedBytes[way])
      movedBytes[way] += more
      // What moves beside the encode waits for that, and tells nothing of the link.
      const isPaced = current !== way
      link.count(way, more, isPaced)
      if (isPaced && way === 'fetch') arrivedBytes += more
    },
    end() {
      begin(undefined)
      const encodeSeconds = seconds.get('encode')
      if (encodeSeconds === undefined) return undefined
      const encoded = arrivedBytes === 0 ? { encodeSeconds } : { encodeSeconds, arrivedBytes }
      const transferSeconds = (seconds.get('fetch') ?? 0) + (seconds.get('return') ?? 0)
      if (transferSeconds === 0) return encoded
      return { ...encoded, transferSeconds, linkBytes, linkBothRatio: link.bothRatio }
    },
  }
}

function isTransfer(stage: string | undefined): stage is LinkWay {
  return stage === 'fetch' || stage === 'return'
}
