/** Bytes moved → percent, speed of the transfer and ETA of a fetch or return stage. */

import type { JobContext } from './job-context.ts'

const REPORT_EVERY_MS = 250

export function trackTransfer(context: JobContext, stage: 'fetch' | 'return', totalBytes: number): (movedBytes: number) => void {
  const startedMs = context.clock.now()
  let reportedMs = Number.NEGATIVE_INFINITY
  return (movedBytes) => {
    const nowMs = context.clock.now()
    if (nowMs - reportedMs < REPORT_EVERY_MS && movedBytes < totalBytes) return
    reportedMs = nowMs
    const bytesPerSecond = nowMs > startedMs ? (movedBytes / (nowMs - startedMs)) * 1000 : 0
    context.onProgress(stage, {
      percent: totalBytes > 0 ? Math.min(100, Math.round((movedBytes / totalBytes) * 1000) / 10) : null,
      fps: null,
      speed: null,
      etaSeconds: bytesPerSecond > 0 ? Math.round((totalBytes - movedBytes) / bytesPerSecond) : null,
      sizeBytes: movedBytes,
      savedPercent: null,
    })
  }
}
