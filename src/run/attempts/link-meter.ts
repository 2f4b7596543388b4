/**
 * How much the transfers of one host have moved over its link together. A transfer that shares the link with others is no slower link:
 * what counts is all that went the same way while it moved.
 */

import type { Clock } from '../../core/clock.ts'

/** To the host or from it: the two do not take from each other. */
export type LinkWay = 'fetch' | 'return'

export interface LinkMeter {
  count(way: LinkWay, bytes: number): void
  /** Since the beginning. */
  totalBytes(way: LinkWay): number
  /** What it was seen to carry while bytes moved all the time; undefined before that. */
  bytesPerSecond(way: LinkWay): number | undefined
}

/** A rate is taken over so long, in which no bytes kept others waiting for longer than that. */
const WINDOW_MS = 1_000
const LONGEST_GAP_MS = 500
/** Of what was found before: a link that has become slower is believed after a few windows. */
const KEPT_SHARE = 0.8

interface WayMeter {
  totalBytes: number
  beganMs: number
  beganBytes: number
  lastMs: number
  bytesPerSecond: number | undefined
}

export function createLinkMeter(clock: Pick<Clock, 'now'>): LinkMeter {
  const begin = (): WayMeter => {
    return { totalBytes: 0, beganMs: Number.NEGATIVE_INFINITY, beganBytes: 0, lastMs: Number.NEGATIVE_INFINITY, bytesPerSecond: undefined }
  }
  const ways: Record<LinkWay, WayMeter> = { fetch: begin(), return: begin() }
  return {
    count(name, bytes) {
      if (bytes === 0) return
      const way = ways[name]
      const nowMs = clock.now()
      way.totalBytes += bytes
      const passedMs = nowMs - way.beganMs
      const isInterrupted = nowMs - way.lastMs > LONGEST_GAP_MS
      way.lastMs = nowMs
      if (!isInterrupted && passedMs < WINDOW_MS) return
      if (!isInterrupted) {
        const rate = ((way.totalBytes - way.beganBytes) / passedMs) * 1000
        way.bytesPerSecond = Math.max(rate, (way.bytesPerSecond ?? 0) * KEPT_SHARE)
      }
      way.beganMs = nowMs
      way.beganBytes = way.totalBytes
    },
    totalBytes: (way) => ways[way].totalBytes,
    bytesPerSecond: (way) => ways[way].bytesPerSecond,
  }
}
