/** The words that views share: a result, a progress, a host, in a few characters and safe for a terminal. */

import { toPlainLine } from '../core/text.ts'
import { formatBytes, formatDuration } from '../core/units.ts'
import type { EventOf } from '../model/events.ts'
import { toLabel } from './to-label.ts'

/** `−66.7 %` for a file that got smaller, `+3.0 %` for one that grew. */
export function formatSaving(percent: number): string {
  return `${percent > 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`
}

/** `1.20 GB → 400 MB, −66.7 %`. */
export function describeResult(done: {
  readonly source_bytes: number
  readonly output_bytes: number
  readonly saved_percent: number
}): string {
  return `${formatBytes(done.source_bytes)} → ${formatBytes(done.output_bytes)}, ${formatSaving(done.saved_percent)}`
}

/** `encode 42 %, 143 fps, 5.9x, ETA 3m 05s, −40.2 % so far`: what is known of it. */
export function describeProgress(event: EventOf<'job.progress'>): string {
  const parts = [
    event.percent === null ? event.stage : `${event.stage} ${Math.floor(event.percent)} %`,
    event.percent === null && event.size_bytes !== null ? formatBytes(event.size_bytes) : undefined,
    formatFps(event.fps),
    formatSpeed(event.speed),
    event.eta_s === null ? undefined : `ETA ${formatDuration(event.eta_s)}`,
    event.saved_percent === null ? undefined : `${formatSaving(event.saved_percent)} so far`,
  ]
  return parts.filter((part) => part !== undefined && part !== '').join(', ')
}

/** Empty where nobody knows. */
export function formatFps(fps: number | null): string {
  return fps === null || fps <= 0 ? '' : `${fps.toFixed(fps < 10 ? 1 : 0)} fps`
}

/** Empty where nobody knows. */
export function formatSpeed(speed: number | null): string {
  return speed === null || speed <= 0 ? '' : `${speed.toFixed(speed < 10 ? (speed < 1 ? 2 : 1) : 0)}x`
}

/** `nas (home)`; the cluster only where it says something. */
export function describeHost(host: string, cluster: string): string {
  return cluster === '' || cluster === host ? toLabel(host) : `${toLabel(host)} (${toLabel(cluster)})`
}

/** `linux, ffmpeg 5.1.6, 1.20 TB free`. */
export function describeFacts(event: EventOf<'host.up'>): string {
  const free = event.free_bytes === null ? [] : [`${formatBytes(event.free_bytes)} free`]
  return [toPlainLine(event.os), `ffmpeg ${toPlainLine(event.ffmpeg)}`, ...free].join(', ')
}

/** `1 file`, `2 files`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
