/**
 * Tells when a peer has said nothing for too long. Any byte counts as a sign of life, not only answers to keepalives:
 * on a slow link those stand behind megabytes of a transfer.
 */

export interface SilenceWatch {
  heard(): void
  stop(): void
}

/** Calls `onSilence` once when nothing was heard for `limitMs`. */
export function watchSilence(limitMs: number, onSilence: () => void): SilenceWatch {
  const stepMs = limitMs / 15
  let silentMs = 0
  let lastTick = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    // Time in which this process itself stood still (stopped, suspended) tells nothing about the peer.
    silentMs += Math.min(now - lastTick, 2 * stepMs)
    lastTick = now
    if (silentMs < limitMs - stepMs) return
    clearInterval(timer)
    onSilence()
  }, stepMs)
  timer.unref()
  return {
    heard() {
      silentMs = 0
    },
    stop: () => clearInterval(timer),
  }
}
