/** Events of made-up runs, for views to be tested with. */

import type { EncodeEvent, EventFields, EventName, Stage } from '../../src/model/events.ts'

export const RUN_START_MS = Date.parse('2026-11-21T12:00:00.000Z')

/** An event `seconds` after the start of the run. */
export function eventAt<Name extends EventName>(seconds: number, name: Name, fields: EventFields[Name]): EncodeEvent {
  return { time: new Date(RUN_START_MS + seconds * 1000).toISOString(), event: name, ...fields } as unknown as EncodeEvent
}

export function hostUp(seconds: number, host: string, cluster = 'home'): EncodeEvent {
  return eventAt(seconds, 'host.up', { cluster, host, os: 'linux', ffmpeg: '5.1.6', encoders: ['libx264'], free_bytes: 1_200_000_000_000 })
}

export function queued(seconds: number, job: string, file: string, cluster = 'home'): EncodeEvent {
  return eventAt(seconds, 'job.queued', {
    job,
    file,
    cluster,
    profile: 'h264',
    queue: '_default',
    source_bytes: 1_200_000_000,
    duration_s: 3600,
  })
}

export function started(seconds: number, job: string, file: string, host: string): EncodeEvent {
  return eventAt(seconds, 'job.started', { job, file, host, attempt: 1 })
}

export function progressed(
  seconds: number,
  job: string,
  host: string,
  percent: number | null,
  stage: Stage = 'encode',
  attempt?: number,
): EncodeEvent {
  return eventAt(seconds, 'job.progress', {
    job,
    host,
    stage,
    ...(attempt === undefined ? {} : { attempt }),
    percent,
    fps: 143.2,
    speed: 5.94,
    eta_s: 185,
    size_bytes: 120_000_000,
    saved_percent: 40.2,
  })
}

/** The source is there, the slot is not. */
export const WAITING = {
  stage: 'fetch',
  waiting: true,
  percent: 100,
  fps: null,
  speed: null,
  eta_s: null,
  size_bytes: 1_200_000_000,
  saved_percent: null,
} as const

export function done(seconds: number, job: string, file: string, host: string, sourceBytes = 1_200_000_000): EncodeEvent {
  return eventAt(seconds, 'job.done', {
    job,
    file,
    host,
    output: file.replace(/\.\w+$/, '.mkv'),
    seconds: 123,
    source_bytes: sourceBytes,
    output_bytes: Math.round(sourceBytes / 3),
    saved_percent: 66.7,
  })
}

export function failed(seconds: number, job: string, file: string, host: string, reason = 'ffmpeg ended with status 1'): EncodeEvent {
  return eventAt(seconds, 'job.failed', { job, file, host, reason, log: `/state/logs/${job}.log` })
}

export function finished(seconds: number, fields: Partial<EventFields['run.finished']> = {}): EncodeEvent {
  return eventAt(seconds, 'run.finished', {
    done: 0,
    skipped: 0,
    failed: 0,
    seconds,
    source_bytes: 0,
    output_bytes: 0,
    exit: 0,
    ...fields,
  })
}
