/**
 * What a screen shows of a run, worked out from its events alone. Holds what is under way in full, of what is over
 * only counts and the last few: a run of any length takes a bounded room.
 */

import { savedPercent } from '../core/units.ts'
import type { EncodeEvent, EventOf } from '../model/events.ts'
import { createAttemptMap } from './attempt-map.ts'
import { createHostStates, type HostState } from './host-states.ts'
import { applyProgress, beginJob, type ChangingJob, currentEta, doneRatioOf, enterStage, type RunningJob } from './running-job.ts'
import { createWorkMeter, type WorkSize } from './work-meter.ts'

export interface FailedJob {
  readonly file: string
  readonly host: string | null
  readonly reason: string
  readonly log: string | null
}

export interface Totals {
  readonly jobs: number
  /** Jobs that are done, skipped or failed. */
  readonly over: number
  readonly done: number
  /** Jobs, and files that never became one. */
  readonly skipped: number
  readonly failed: number
  /** Jobs, however many attempts at them. */
  readonly running: number
  readonly waiting: number
  readonly sourceBytes: number
  readonly outputBytes: number
  readonly savedPercent: number
  readonly elapsedSeconds: number
  /** Part of the run's work that is done, 0 to 1. */
  readonly doneRatio: number
  /** Null while it would be a guess. */
  readonly etaSeconds: number | null
}

export interface RunState {
  apply(event: EncodeEvent): void
  readonly clusters: readonly string[]
  readonly hosts: readonly HostState[]
  /** Of two attempts the later one. */
  job(id: string): RunningJob | undefined
  /** The last few, newest last. */
  readonly recentlyDone: readonly EventOf<'job.done'>[]
  /** The first few; `totals` has the count. */
  readonly failures: readonly FailedJob[]
  /** The last few, newest last. */
  readonly warnings: readonly string[]
  readonly warningCount: number
  readonly isFinished: boolean
  totals(nowMs: number): Totals
}

interface OpenJob {
  readonly cluster: string | undefined
  readonly size: WorkSize
}

const UNKNOWN_SIZE: WorkSize = { bytes: undefined, seconds: undefined }
const RECENT_COUNT = 10
const FAILURE_COUNT = 50
const WARNING_COUNT = 10
/** Before that much of the run is done (or that long under way), an ETA jumps about too much to be of use. */
const ETA_LEAST_RATIO = 0.001
const ETA_LEAST_SECONDS = 3

export function createRunState(): RunState {
  const hosts = createHostStates()
  const attempts = createAttemptMap<ChangingJob>()
  /** Every job that is not over yet. */
  const open = new Map<string, OpenJob>()
  const meter = createWorkMeter()
  const recentlyDone: EventOf<'job.done'>[] = []
  const failures: FailedJob[] = []
  const warnings: string[] = []
  const counts = { announced: 0, known: 0, over: 0, done: 0, skipped: 0, failed: 0, warnings: 0 }
  const bytes = { source: 0, output: 0 }
  /** Announced are files, of which some will be no jobs. */
  let isLooking = false
  let clusters: readonly string[] = []
  let startedMs: number | undefined
  let workSinceMs: number | undefined
  let finished: EventOf<'run.finished'> | undefined

  function openJob(id: string, cluster: string | undefined, size: WorkSize): OpenJob {
    const known = open.get(id)
    if (known !== undefined) return known
    const job = { cluster, size }
    open.set(id, job)
    meter.add(size)
    counts.known += 1
    return job
  }

  function start(event: EventOf<'job.started'>, atMs: number): void {
    openJob(event.job, undefined, UNKNOWN_SIZE)
    if (event.copy !== true) leaveHost(event.job)
    workSinceMs ??= atMs
    const job = beginJob(event, atMs)
    attempts.set(event.job, event.attempt, job)
    hosts.named(event.host, open.get(event.job)?.cluster).running.push(job)
  }

  /** Without a number: every attempt at the job. */
  function leaveHost(id: string, attempt?: number): void {
    for (const job of attempts.take(id, attempt)) hosts.leave(job)
  }

  function finish(event: EventOf<'job.done'>): void {
    meter.finish(openJob(event.job, undefined, UNKNOWN_SIZE).size)
    hosts.named(event.host, open.get(event.job)?.cluster).doneCount += 1
    open.delete(event.job)
    leaveHost(event.job)
    counts.done += 1
    bytes.source += event.source_bytes
    bytes.output += event.output_bytes
    keepLast(recentlyDone, event, RECENT_COUNT)
  }

  /** Without an id it never was a job: a rule skipped the file, or it is missing. */
  function giveUp(id: string | undefined): void {
    if (id === undefined) {
      if (isLooking) counts.announced -= 1
      return
    }
    meter.remove(openJob(id, undefined, UNKNOWN_SIZE).size)
    counts.over += 1
    open.delete(id)
    leaveHost(id)
  }

  function* running(): Generator<{ size: WorkSize; ratio: number }> {
    for (const [id, jobs] of attempts.jobs()) yield { size: open.get(id)?.size ?? UNKNOWN_SIZE, ratio: Math.max(...jobs.map(doneRatioOf)) }
  }

  function estimate(nowMs: number, doneRatio: number): number | null {
    if (finished !== undefined || workSinceMs === undefined || open.size === 0) return null
    const elapsedSeconds = (nowMs - workSinceMs) / 1000
    if (doneRatio < ETA_LEAST_RATIO || elapsedSeconds < ETA_LEAST_SECONDS) return null
    let longest = 0
    for (const [, jobs] of attempts.jobs()) longest = Math.max(longest, Math.min(...jobs.map((job) => currentEta(job, nowMs) ?? 0)))
    return Math.max(longest, (elapsedSeconds * (1 - doneRatio)) / doneRatio)
  }

  return {
    apply(event) {
      const atMs = Date.parse(event.time)
      startedMs ??= atMs
      switch (event.event) {
        case 'run.started':
          startedMs = atMs
          clusters = event.clusters
          counts.announced = event.files ?? event.jobs
          isLooking = event.files !== undefined
          break
        case 'host.up':
          Object.assign(hosts.of(event), { os: event.os, ffmpeg: event.ffmpeg, downReason: undefined, drainingReason: undefined })
          break
        case 'host.draining':
          hosts.of(event).drainingReason = event.reason
          break
        case 'host.down':
          Object.assign(hosts.of(event), { downReason: event.reason, drainingReason: undefined })
          break
        case 'job.queued':
          openJob(event.job, event.cluster, { bytes: event.source_bytes, seconds: event.duration_s ?? undefined })
          break
        case 'job.started':
          start(event, atMs)
          break
        case 'job.stage': {
          const job = attempts.get(event.job, event.attempt)
          if (job !== undefined) enterStage(job, event.stage, atMs)
          break
        }
        case 'job.progress': {
          const job = attempts.get(event.job, event.attempt)
          if (job !== undefined) applyProgress(job, event, atMs)
          break
        }
        case 'job.retry':
          leaveHost(event.job, event.attempt)
          break
        case 'job.done':
          finish(event)
          break
        case 'job.skipped':
          giveUp(event.job)
          counts.skipped += 1
          break
        case 'job.failed':
          giveUp(event.job)
          counts.failed += 1
          if (failures.length < FAILURE_COUNT) failures.push({ file: event.file, host: event.host, reason: event.reason, log: event.log })
          break
        case 'warning':
          counts.warnings += 1
          keepLast(warnings, event.message, WARNING_COUNT)
          break
        case 'run.finished':
          finished = event
          break
        case 'job.planned':
          break
      }
    },
    get clusters() {
      return clusters
    },
    get hosts() {
      return hosts.all()
    },
    job: (id) => attempts.get(id),
    recentlyDone,
    failures,
    warnings,
    get warningCount() {
      return counts.warnings
    },
    get isFinished() {
      return finished !== undefined
    },
    totals(nowMs) {
      const jobCount = Math.max(counts.announced, counts.known)
      // Jobs that are announced but not queued yet weigh as much as the others.
      const doneRatio = jobCount === 0 ? 0 : (meter.measure(running()) * counts.known) / jobCount
      const waiting = Math.max(0, open.size - attempts.jobCount)
      return {
        jobs: jobCount,
        over: counts.done + counts.over,
        done: counts.done,
        skipped: counts.skipped,
        failed: counts.failed,
        running: attempts.jobCount,
        waiting,
        sourceBytes: bytes.source,
        outputBytes: bytes.output,
        savedPercent: savedPercent(bytes.source, bytes.output),
        elapsedSeconds: finished?.seconds ?? (startedMs === undefined ? 0 : Math.max(0, (nowMs - startedMs) / 1000)),
        doneRatio,
        etaSeconds: estimate(nowMs, doneRatio),
      }
    },
  }
}

function keepLast<T>(list: T[], item: T, count: number): void {
  list.push(item)
  if (list.length > count) list.splice(0, list.length - count)
}
