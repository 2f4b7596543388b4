/**
 * How much of a host's link one of several transfers had. Jobs tell how long their bytes took; what the link carries is found out by how
 * many shared it meanwhile.
 */

export interface LinkMeter {
  /** A transfer begins (1) or ends (-1). */
  count(change: 1 | -1, nowMs: number): void
  /** The time that a transfer alone would have needed for what one of those that were there could move, since the meter was made. */
  shareSeconds(nowMs: number): number
}

export function createLinkMeter(): LinkMeter {
  let transfers = 0
  let seconds = 0
  let sinceMs = 0

  function shareSeconds(nowMs: number): number {
    if (transfers > 0) seconds += (nowMs - sinceMs) / 1000 / transfers
    sinceMs = nowMs
    return seconds
  }

  return {
    count(change, nowMs) {
      shareSeconds(nowMs)
      transfers += change
    },
    shareSeconds,
  }
}
