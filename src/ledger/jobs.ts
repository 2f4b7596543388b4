/** The jobs of all runs: where each stands, who tried it, and its plan for as long as there is something left to do. */

import type { JobPlan } from '../model/plan.ts'
import type { Database } from './database.ts'
import { type JobRecord, type JobState, toJobRecord, toPlan, toUnfinishedJob, type UnfinishedJob } from './records.ts'

export interface StateFields {
  readonly reason?: string | null
  readonly log?: string | null
  readonly outputBytes?: number
  /** For `replace`: the verified result before it gets its name. */
  readonly temporary?: string
  /** Whose doing it is, where two attempts at a job are under way. */
  readonly host?: string
  readonly attempt?: number
}

export interface Attempt {
  readonly host: string
  /** The first is 1. */
  readonly attempt: number
}

export interface JobQuery {
  readonly runId?: string
  readonly states?: readonly JobState[]
  readonly limit?: number
}

const UNFINISHED = `state NOT IN ('done', 'skipped', 'failed') AND resumed_as IS NULL`
const INSERT_JOB = `INSERT INTO jobs (id, run, source, source_bytes, source_mtime_ms, cluster, profile, queue, rule, output,
  replaces_source, may_overwrite, queue_file, plan, state, added_at, changed_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)`
export function insertJob(db: Database, runId: string, plan: JobPlan, nowMs: number): void {
  const { source, profile } = plan
  db.run(
    INSERT_JOB,
    ...[plan.id, runId, source.path, source.sizeBytes, source.mtimeMs, plan.cluster, profile.name, profile.queue, plan.rule ?? null],
    ...[plan.output, Number(plan.replacesSource), Number(plan.mayOverwrite), plan.queueFile ?? null, JSON.stringify(plan), nowMs, nowMs],
  )
}

export function startAttempt(db: Database, jobId: string, { host, attempt }: Attempt, nowMs: number): void {
  db.setDurability('written')
  const changed = db.run(
    `UPDATE jobs SET host = ?, attempt = ?, reason = NULL, log = NULL, started_at = coalesce(started_at, ?), changed_at = ?
     WHERE id = ?`,
    ...[host, attempt, nowMs, nowMs, jobId],
  )
  if (changed === 0) throw unknownJob(jobId)
}

/** Begins to flush it where it is the job's end; who must wait until it is flushed waits for `Database.flush`. */
export function setState(db: Database, jobId: string, state: JobState, fields: StateFields, nowMs: number): void {
  const isEnd = state === 'done' || state === 'skipped' || state === 'failed' || state === 'interrupted'
  db.setDurability('written')
  const changed = db.run(
    `UPDATE jobs SET state = ?, changed_at = ?, finished_at = ?, reason = coalesce(?, reason), log = coalesce(?, log),
       output_bytes = coalesce(?, output_bytes), temporary = coalesce(?, temporary), host = coalesce(?, host),
       attempt = coalesce(?, attempt), plan = iif(?, NULL, plan)
     WHERE id = ? AND state <> 'done'`,
    ...[state, nowMs, isEnd ? nowMs : null, fields.reason ?? null, fields.log ?? null],
    ...[
      fields.outputBytes ?? null,
      fields.temporary ?? null,
      fields.host ?? null,
      fields.attempt ?? null,
      Number(state === 'done' || state === 'skipped'),
      jobId,
    ],
  )
  if (changed === 0 && db.get('SELECT 1 FROM jobs WHERE id = ?', jobId) === undefined) throw unknownJob(jobId)
  // Whoever is to know of a failure asks for the next flush, which then fails, too.
  if (isEnd) void db.flush().catch(() => {})
}

export function listJobs(db: Database, { runId, states, limit }: JobQuery): readonly JobRecord[] {
  // One text for every query, so that it is prepared once; -1 is no limit.
  const rows = db.all(
    `SELECT * FROM jobs WHERE (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))
     ORDER BY rowid DESC LIMIT ?3`,
    ...[runId ?? null, states === undefined ? null : JSON.stringify(states), limit ?? -1],
  )
  return rows.map(toJobRecord).reverse()
}

export function findUnfinished(db: Database, runId: string): readonly UnfinishedJob[] {
  return db.all(`SELECT * FROM jobs WHERE run = ? AND ${UNFINISHED} ORDER BY rowid`, runId).map(toUnfinishedJob)
}

export function takeOver(
  db: Database,
  jobId: string,
  to: { readonly runId: string; readonly jobId: string },
  nowMs: number,
): JobPlan | undefined {
  db.setDurability('flushed')
  return db.transaction(() => {
    const row = db.get(`SELECT plan FROM jobs WHERE id = ? AND ${UNFINISHED}`, jobId)
    if (row === undefined) return undefined
    const plan = { ...toPlan(row.plan), id: to.jobId }
    insertJob(db, to.runId, plan, nowMs)
    db.run(
      `UPDATE jobs SET state = 'interrupted', resumed_as = ?, changed_at = ?, finished_at = coalesce(finished_at, ?) WHERE id = ?`,
      ...[to.jobId, nowMs, nowMs, jobId],
    )
    return plan
  })
}

function unknownJob(jobId: string): Error {
  return new Error(`The ledger knows no job "${jobId}"`)
}
