/** What the ledger gives back: its rows as values, with words for what is not there. */

import type { JobPlan } from '../model/plan.ts'
import type { Row } from './database.ts'
import { type Liveness, type ProcessIdentity, parseProcessIdentity } from './process-identity.ts'

export const JOB_STATES = ['queued', 'fetch', 'encode', 'return', 'verify', 'replace', 'done', 'skipped', 'failed', 'interrupted'] as const

/** `queued` waits (again); `fetch` to `replace` are under way; the rest is how it ended. */
export type JobState = (typeof JOB_STATES)[number]

export interface RunRecord {
  readonly id: string
  readonly startedAtMs: number
  /** Undefined: under way, or its controller died. */
  readonly finishedAtMs: number | undefined
  readonly process: ProcessIdentity
  /** `dead` without `finishedAtMs`: it left work behind. */
  readonly liveness: Liveness
  /** Undefined with `finishedAtMs`: a later run closed it. */
  readonly exitStatus: number | undefined
  readonly argv: readonly string[]
  readonly clusters: readonly string[]
  readonly jobs: Readonly<Record<JobState, number>>
  /** Files that became no jobs. */
  readonly refused: number
  /** Of the jobs that are done. */
  readonly sourceBytes: number
  readonly outputBytes: number
}

export interface JobRecord {
  readonly id: string
  readonly runId: string
  readonly source: string
  readonly sourceBytes: number
  readonly sourceMtimeMs: number
  readonly cluster: string
  readonly profile: string
  readonly queue: string
  readonly rule: string | undefined
  readonly output: string
  readonly replacesSource: boolean
  readonly mayOverwrite: boolean
  readonly queueFile: string | undefined
  readonly state: JobState
  /** 0: never started. */
  readonly attempt: number
  readonly host: string | undefined
  readonly reason: string | undefined
  readonly log: string | undefined
  /** With `outputBytes`, in state `replace`: the verified result before it bears the name `output`. */
  readonly temporary: string | undefined
  readonly outputBytes: number | undefined
  /** The job of a later run that went on with this one. */
  readonly resumedAs: string | undefined
  readonly addedAtMs: number
  readonly startedAtMs: number | undefined
  readonly changedAtMs: number
  readonly finishedAtMs: number | undefined
}

/** A job that is neither done, skipped nor failed, with all that is needed to go on with it. */
export interface UnfinishedJob extends JobRecord {
  readonly plan: JobPlan
}

export type FilePlace = 'controller' | { readonly cluster: string; readonly host: string }

/** A file or folder that exists, or may exist, because of a job. */
export interface NotedFile {
  readonly runId: string
  /** Undefined: belongs to the run as a whole. */
  readonly jobId: string | undefined
  readonly place: FilePlace
  readonly path: string
}

export interface DeadRun extends RunRecord {
  readonly unfinished: readonly UnfinishedJob[]
  readonly files: readonly NotedFile[]
}

/** It ended because it was told to start nothing more. */
export interface DrainedRun extends RunRecord {
  readonly unfinished: readonly UnfinishedJob[]
}

/** Who works on a source. */
export interface SourceHolder {
  readonly runId: string
  readonly process: ProcessIdentity
  readonly sinceMs: number
}

/** `counts` are the rows of this run out of a count of jobs by run and state. */
export function toRunRecord(
  row: Row,
  counts: readonly Row[],
  findLiveness: (process: ProcessIdentity) => Liveness,
): Omit<RunRecord, 'refused'> {
  const process = toProcess(row.process)
  const finishedAtMs = numberOr(row.finished_at)
  const done = counts.find((count) => count.state === 'done')
  return {
    id: String(row.id),
    startedAtMs: Number(row.started_at),
    finishedAtMs,
    process,
    liveness: finishedAtMs === undefined ? findLiveness(process) : 'dead',
    exitStatus: numberOr(row.exit_status),
    argv: JSON.parse(String(row.argv)),
    clusters: JSON.parse(String(row.clusters)),
    jobs: toCounts(counts),
    sourceBytes: Number(done?.source_bytes ?? 0),
    outputBytes: Number(done?.output_bytes ?? 0),
  }
}

export function toJobRecord(row: Row): JobRecord {
  return {
    id: String(row.id),
    runId: String(row.run),
    source: String(row.source),
    sourceBytes: Number(row.source_bytes),
    sourceMtimeMs: Number(row.source_mtime_ms),
    cluster: String(row.cluster),
    profile: String(row.profile),
    queue: String(row.queue),
    rule: textOr(row.rule),
    output: String(row.output),
    replacesSource: row.replaces_source === 1,
    mayOverwrite: row.may_overwrite === 1,
    queueFile: textOr(row.queue_file),
    state: toState(row.state),
    attempt: Number(row.attempt),
    host: textOr(row.host),
    reason: textOr(row.reason),
    log: textOr(row.log),
    temporary: textOr(row.temporary),
    outputBytes: numberOr(row.output_bytes),
    resumedAs: textOr(row.resumed_as),
    addedAtMs: Number(row.added_at),
    startedAtMs: numberOr(row.started_at),
    changedAtMs: Number(row.changed_at),
    finishedAtMs: numberOr(row.finished_at),
  }
}

export function toUnfinishedJob(row: Row): UnfinishedJob {
  return { ...toJobRecord(row), plan: toPlan(row.plan) }
}

export function toNotedFile(row: Row): NotedFile {
  const place = row.host === '' ? 'controller' : { cluster: String(row.cluster), host: String(row.host) }
  return { runId: String(row.run), jobId: textOr(row.job), place, path: String(row.path) }
}

export function toSourceHolder(row: Row): SourceHolder {
  return { runId: String(row.run), process: toProcess(row.process), sinceMs: Number(row.claimed_at) }
}

export function toProcess(text: unknown): ProcessIdentity {
  const process = parseProcessIdentity(JSON.parse(String(text)))
  if (process === undefined) throw new Error(`The ledger holds no process identity: ${String(text)}`)
  return process
}

/** JSON keeps no undefined, so the keys that may be undefined are put back. */
export function toPlan(text: unknown): JobPlan {
  const plan = JSON.parse(String(text)) as JobPlan
  return { ...plan, rule: plan.rule ?? undefined, queueFile: plan.queueFile ?? undefined }
}

function toCounts(rows: readonly Row[]): Readonly<Record<JobState, number>> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>
  for (const row of rows) counts[toState(row.state)] = Number(row.jobs)
  return counts
}

function toState(value: unknown): JobState {
  const state = JOB_STATES.find((known) => known === value)
  if (state === undefined) throw new Error(`The ledger holds an unknown state: ${String(value)}`)
  return state
}

function textOr(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value)
}

function numberOr(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}
