/**
 * How much the transfers of one host have moved over its link together. A transfer that shares the link with others is no slower link:
 * what counts is all that went the same way while it moved. What goes the other way takes some of it on some links, and none on others: that
 * is seen when first one way moves alone, and then both do.
 */

import type { Clock } from '../../core/clock.ts'

/** To the host or from it. */
export type LinkWay = 'fetch' | 'return'

export interface LinkMeter {
  /** @param isPaced they moved beside the encode, and may have waited for it instead of for the link. */
  count(way: LinkWay, bytes: number, isPaced?: boolean): void
  /** Since the beginning. */
  totalBytes(way: LinkWay): number
  /** What it was seen to carry while bytes moved all the time; undefined before that. */
  bytesPerSecond(way: LinkWay): number | undefined
  /** What each way was seen to have while both were in use, of what it has alone: 1 = all of it, 0.5 = half; undefined before that. */
  readonly bothRatio: number | undefined
}

/** A rate is taken over so long, in which no bytes kept others waiting for longer than that. */
const WINDOW_MS = 1_000
const LONGEST_GAP_MS = 500
/** Of what was found before: a link that has become slower is believed after a few windows. */
const KEPT_SHARE = 0.8
/** A way that moves less of what it has alone is as good as not in use, and one that moves less than the other says little of both. */
const ALONE_RATIO = 0.02
const BOTH_RATIO = 0.25

interface WayMeter {
  readonly other: LinkWay
  totalBytes: number
  pacedBytes: number
  /** What had moved when the window began: this way, of that beside encodes, and the other way. */
  began: {
    readonly ms: number
    readonly bytes: number
    readonly pacedBytes: number
    readonly otherBytes: number
    readonly otherPacedBytes: number
  }
  lastMs: number
  bytesPerSecond: number | undefined
  /** While nothing to speak of went the other way. */
  aloneBytesPerSecond: number | undefined
}

export function createLinkMeter(clock: Pick<Clock, 'now'>): LinkMeter {
  const ways: Readonly<Record<LinkWay, WayMeter>> = { fetch: createWay('return'), return: createWay('fetch') }
  let bothRatio: number | undefined

  function beginWindow(way: WayMeter): void {
    const other = ways[way.other]
    way.began = {
      ms: clock.now(),
      ...{ bytes: way.totalBytes, pacedBytes: way.pacedBytes, otherBytes: other.totalBytes, otherPacedBytes: other.pacedBytes },
    }
  }

  function endWindow(way: WayMeter, seconds: number): void {
    const other = ways[way.other]
    const rate = (way.totalBytes - way.began.bytes) / seconds
    const otherRate = (other.totalBytes - way.began.otherBytes) / seconds
    way.bytesPerSecond = keepMost(way.bytesPerSecond, rate)
    const isPaced = way.pacedBytes > way.began.pacedBytes
    const isOtherPaced = other.pacedBytes > way.began.otherPacedBytes
    if (otherRate < rate * ALONE_RATIO) {
      if (!isPaced) way.aloneBytesPerSecond = keepMost(way.aloneBytesPerSecond, rate)
      return
    }
    // Most links carry as much one way as the other, or so it is thought of a way that never was alone.
    const [alone, otherAlone] = [way.aloneBytesPerSecond ?? other.aloneBytesPerSecond, other.aloneBytesPerSecond ?? way.aloneBytesPerSecond]
    if (alone === undefined || otherAlone === undefined) return
    const [ratio, otherRatio] = [rate / alone, otherRate / otherAlone]
    if (Math.min(ratio, otherRatio) < BOTH_RATIO || (isPaced && isOtherPaced)) return
    // Only a way that nothing but the link held up tells what the other one takes from it.
    const [bound, beside] = !isPaced && (isOtherPaced || ratio >= otherRatio) ? [ratio, otherRatio] : [otherRatio, ratio]
    const cost = Math.min(1, Math.max(0, (1 - bound) / beside))
    const seen = 1 / (1 + cost)
    bothRatio = bothRatio === undefined ? seen : bothRatio * KEPT_SHARE + seen * (1 - KEPT_SHARE)
  }

  return {
    count(name, bytes, isPaced = false) {
      if (bytes === 0) return
      const way = ways[name]
      const nowMs = clock.now()
      way.totalBytes += bytes
      if (isPaced) way.pacedBytes += bytes
      const passedMs = nowMs - way.began.ms
      const isInterrupted = nowMs - way.lastMs > LONGEST_GAP_MS
      way.lastMs = nowMs
      if (!isInterrupted && passedMs < WINDOW_MS) return
      if (!isInterrupted) endWindow(way, passedMs / 1000)
      beginWindow(way)
    },
    totalBytes: (way) => ways[way].totalBytes,
    bytesPerSecond: (way) => ways[way].bytesPerSecond,
    get bothRatio() {
      return bothRatio
    },
  }
}

function createWay(other: LinkWay): WayMeter {
  return {
    ...{ other, totalBytes: 0, pacedBytes: 0, lastMs: Number.NEGATIVE_INFINITY, bytesPerSecond: undefined, aloneBytesPerSecond: undefined },
    began: { ms: Number.NEGATIVE_INFINITY, bytes: 0, pacedBytes: 0, otherBytes: 0, otherPacedBytes: 0 },
  }
}

function keepMost(before: number | undefined, now: number): number {
  return Math.max(now, (before ?? 0) * KEPT_SHARE)
}
