/** A rate as a bucket that fills at it: what is taken out over any time is at most that time's share and one bucketful. */

export interface TokenBucket {
  readonly bytesPerSecond: number
  /** Milliseconds until so many bytes are there; more than the bucket holds are there when it is full. */
  waitMs(bytes: number): number
  /** Never refuses: what was not there is owed. */
  spend(bytes: number): void
}

/** Of five seconds this is 4 %, and longer than a busy machine keeps a timer waiting. */
const HOLDS_SECONDS = 0.2

export function createTokenBucket(bytesPerSecond: number, now: () => number): TokenBucket {
  const holdsBytes = bytesPerSecond * HOLDS_SECONDS
  let level = 0
  let filledMs = now()

  function fill(): void {
    const nowMs = now()
    // The clock of a machine may be set back.
    level = Math.min(holdsBytes, level + (Math.max(0, nowMs - filledMs) / 1000) * bytesPerSecond)
    filledMs = nowMs
  }

  return {
    bytesPerSecond,
    waitMs(bytes) {
      fill()
      const lacking = Math.min(bytes, holdsBytes) - level
      // Fractions that are lost in sums must not keep anybody waiting for ever.
      return lacking < 1 ? 0 : Math.ceil((lacking / bytesPerSecond) * 1000)
    },
    spend(bytes) {
      fill()
      level -= bytes
    },
  }
}
