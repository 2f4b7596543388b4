/** An attempt under way, as a screen shows it: where its stage stands, by its last event. */

import type { EventOf, Stage } from '../model/events.ts'

export interface RunningJob {
  readonly job: string
  readonly file: string
  readonly host: string
  readonly attempt: number
  /** Another attempt at the job goes on meanwhile. */
  readonly isCopy: boolean
  readonly stage: Stage | undefined
  /** Its source is there, and a slot is not. */
  readonly isWaiting: boolean
  readonly stageSinceMs: number
  readonly startedMs: number
  /** Of the stage. Null where nobody knows. */
  readonly percent: number | null
  readonly fps: number | null
  readonly speed: number | null
  /** As told at `progressMs`. */
  readonly etaSeconds: number | null
  readonly savedPercent: number | null
  readonly progressMs: number
}

export type Changing<T> = { -readonly [Key in keyof T]: T[Key] }
export type ChangingJob = Changing<RunningJob>

const NO_FIGURES = { percent: null, fps: null, speed: null, etaSeconds: null } as const

export function beginJob({ job, file, host, attempt, copy }: EventOf<'job.started'>, atMs: number): ChangingJob {
  return {
    ...NO_FIGURES,
    job,
    file,
    host,
    attempt,
    isCopy: copy === true,
    stage: undefined,
    isWaiting: false,
    stageSinceMs: atMs,
    startedMs: atMs,
    savedPercent: null,
    progressMs: atMs,
  }
}

export function enterStage(job: ChangingJob, stage: Stage, atMs: number): void {
  if (job.stage === stage) return
  Object.assign(job, { stage, stageSinceMs: atMs, isWaiting: false, progressMs: atMs, ...NO_FIGURES })
}

export function applyProgress(job: ChangingJob, event: EventOf<'job.progress'>, atMs: number): void {
  enterStage(job, event.stage, atMs)
  if (event.waiting === true) {
    Object.assign(job, { isWaiting: true, stageSinceMs: atMs, progressMs: atMs, ...NO_FIGURES })
    return
  }
  Object.assign(job, {
    percent: event.percent,
    fps: event.fps,
    speed: event.speed,
    etaSeconds: event.eta_s,
    savedPercent: event.saved_percent ?? job.savedPercent,
    progressMs: atMs,
  })
}

/** ETA of a job now: as told last, less the time that has passed since. */
export function currentEta(job: RunningJob, nowMs: number): number | null {
  return job.etaSeconds === null ? null : Math.max(0, job.etaSeconds - (nowMs - job.progressMs) / 1000)
}

/** Part of the whole job: the encode takes nearly all of the time. */
export function doneRatioOf(job: RunningJob): number {
  switch (job.stage) {
    case undefined:
    case 'fetch':
      return 0
    case 'encode':
      return (job.percent ?? 0) / 100
    default:
      return 1
  }
}
