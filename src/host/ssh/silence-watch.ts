/**
 * Tells when a peer has said nothing for too long. Any byte counts as a sign of life, not only answers to keepalives:
 * on a slow link those stand behind megabytes of a transfer.
 */

import { watchStandstill } from '../standstill.ts'

export interface SilenceWatch {
  heard(): void
  stop(): void
}

export interface SilenceWatchOptions {
  readonly limitMs: number
  /** Called once when nothing was heard for `limitMs`. */
  readonly onSilence: () => void
  /** Called after each step with the time that it took: more than a step when this process stood still. */
  readonly onStep: (tookMs: number) => void
}

export function watchSilence({ limitMs, onSilence, onStep }: SilenceWatchOptions): SilenceWatch {
  const stepMs = limitMs / 15
  const standstill = watchStandstill()
  let silentMs = 0
  let lastTick = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    // Time in which this process itself stood still (stopped, suspended) tells nothing about the peer.
    silentMs += Math.min(now - lastTick, 2 * stepMs)
    lastTick = now
    onStep(standstill.tick())
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
