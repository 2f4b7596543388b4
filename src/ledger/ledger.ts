/**
 * The ledger: every job of every run, each state written before it is acted on, so that whoever comes after a controller that
 * died knows what was under way, what exists because of it, and what is still to do. One SQLite file in the state folder; any
 * number of controllers of one machine share it.
 */

import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { JobPlan } from '../model/plan.ts'
import { adoptRun } from './adopt-run.ts'
import { claimSources, findHolder, releaseSource } from './claims.ts'
import { type Database, openDatabase } from './database.ts'
import { type RememberedTrial, recallTrials, rememberTrials, type TrialPlace } from './encoder-trials.ts'
import {
  dropDoneLines,
  type FinishedResult,
  type FinishedSize,
  findDoneLine,
  findDoneSince,
  findResult,
  listFinishedSizes,
} from './finished-jobs.ts'
import { type LearnedSpeed, type RememberedSpeeds, recallLately, recallSpeeds, rememberSpeed } from './host-speeds.ts'
import {
  type Attempt,
  findUnfinished,
  insertJob,
  type JobQuery,
  listJobs,
  type StateFields,
  setState,
  startAttempt,
  takeOver,
} from './jobs.ts'
import { recallFfmpeg, rememberFfmpeg } from './known-ffmpegs.ts'
import { dropLifeLock, holdLifeLock, type LifeLock } from './life-lock.ts'
import type { Warner } from './load-sqlite.ts'
import { findLeftFiles, findRunFiles, forgetFile, noteFile } from './noted-files.ts'
import { hasOtherWork } from './other-work.ts'
import { createLivenessFinder, findLiveness, identifyProcess, type ProcessIdentity } from './process-identity.ts'
import {
  type DeadRun,
  type DrainedRun,
  type FilePlace,
  type JobRecord,
  type JobState,
  type NotedFile,
  type RunRecord,
  type SourceHolder,
  toProcess,
  toRunRecord,
  type UnfinishedJob,
} from './records.ts'
import { addRefusedFiles, countRefusedFiles, listRefusedFiles, type RefusedFile } from './refused-files.ts'
import { addRequest, answerRequest, type DrainRequest, findAnswer, listOpenRequests, type RequestAnswer } from './requests.ts'

export interface LedgerOptions {
  /** State folder; made, for its owner alone, where it is missing. */
  readonly folder: string
  readonly clock: Pick<Clock, 'now'>
  /** The controller: this process. */
  readonly pid: number
  /** `process`, where Node's warning that SQLite is experimental shall be kept back. */
  readonly warner?: Warner
  /** How long a write waits for another controller's. None holds the file for longer than one short transaction. */
  readonly busyTimeoutMs?: number
}

/**
 * Synchronous: when a call returns, it is written, and outlives this process. What must outlive a power cut, too, before it is acted on, is
 * followed by `flush`; work folders of runs need none. All of it rejects with LEDGER_FAILED where the file cannot be used.
 */
export interface Ledger extends Disposable {
  readonly file: string

  /** Flushed a moment later, and before anything of the run is. */
  startRun(run: { readonly id: string; readonly argv: readonly string[]; readonly clusters: readonly string[] }): void
  /** Jobs that have not ended become `interrupted`, those of a drained run that were not started stay `queued`; claims are given up. */
  finishRun(runId: string, exitStatus: number, end?: { readonly isDrained: boolean }): void

  /** All of them or none, as `queued`. They are flushed a moment later, and in any case before what the first of them notes is acted on. */
  addJobs(runId: string, plans: readonly JobPlan[]): void
  /** Files of this run that became no jobs, and why. */
  addRefusedFiles(runId: string, files: readonly RefusedFile[]): void
  refusedFiles(runId: string): readonly RefusedFile[]
  startAttempt(jobId: string, attempt: Attempt): void
  /** Fields that are left out stay as they are. What is done stays done. */
  setState(jobId: string, state: JobState, fields?: StateFields): void
  /** Many writes as one: all or none, and as quick as one. */
  batch<Result>(body: () => Result): Result
  /** Resolves when all that was written by now outlives a power cut; in the order in which it was written, it does so by itself a little later. */
  flush(): Promise<void>

  /** Before the file is made, and flushed. Noting it twice is noting it once. */
  noteFile(jobId: string, place: FilePlace, path: string): void
  /** After it is gone, or has become the result. */
  forgetFile(jobId: string, place: FilePlace, path: string): void
  noteRunFile(runId: string, place: FilePlace, path: string): void
  forgetRunFile(runId: string, place: FilePlace, path: string): void
  /** Files of runs that are over, for the one who can reach their place to remove and then `forgetLeftFile`. */
  leftFiles(): readonly NotedFile[]
  forgetLeftFile(file: NotedFile): void

  /** Takes a source for this run. Undefined: it is ours. Else the living controller that has it; nothing is changed then. */
  claimSource(runId: string, path: string): SourceHolder | undefined
  /** Many at once; what could not be taken, by path as given. */
  claimSources(runId: string, paths: readonly string[]): ReadonlyMap<string, SourceHolder>
  releaseSource(runId: string, path: string): void
  /** The living controller that has it, if there is one. */
  findHolder(path: string): SourceHolder | undefined

  /** The latest first. */
  listRuns(limit: number): readonly RunRecord[]
  /** In the order they were added; with a limit, the latest of them. */
  listJobs(query: JobQuery): readonly JobRecord[]
  /** Runs that nobody finished and whose controller is certainly gone, the oldest first. */
  deadRuns(): readonly DeadRun[]
  /** Runs that ended before their jobs did, because they were told to, with the jobs that are still queued; the oldest first. */
  drainedRuns(): readonly DrainedRun[]
  /** Runs under way, the oldest first. */
  livingRuns(): readonly RunRecord[]
  /** What is left to do of a run, `interrupted` jobs among them; without those that a later run has taken over. */
  unfinishedJobs(runId: string): readonly UnfinishedJob[]
  /** Moves what is left of a job into a run, under a new id. Undefined when it has ended or somebody else took it. */
  takeOver(jobId: string, to: { readonly runId: string; readonly jobId: string }): JobPlan | undefined
  /** Takes a dead run for this controller until that is disposed: for others it lives. Undefined where it does. */
  adoptDeadRun(runId: string): Disposable | undefined
  /** Writes down that a dead run is over: `interrupted` is what it did not end. A living one is left alone (false). */
  closeDeadRun(runId: string): boolean

  /** The last job that finished this source for a line of this queue file, if that line may still be there: its controller died in between. */
  findDoneLine(queueFile: string, source: string): JobRecord | undefined
  /** Their lines are gone from the queue file. */
  dropDoneLines(queueFile: string, sources: readonly string[]): void
  /** A later job that is done and had the same source. */
  findDoneSince(job: JobRecord): JobRecord | undefined

  /** The last result that got this name and replaced its source. */
  findResult(path: string): FinishedResult | undefined
  /** Sizes before and after of the latest finished jobs of a profile, the oldest first. */
  finishedSizes(profile: string, limit: number): readonly FinishedSize[]
  /** Is a job of another living run of this machine under way? */
  hasOtherWork(runId: string): boolean

  /** Asks something of a run under way, and gives the number of the request. */
  askToDrain(runId: string, request: Omit<DrainRequest, 'id'>): number
  findAnswer(requestId: number): RequestAnswer | undefined
  /** What was asked of a run and not answered yet. */
  openRequests(runId: string): readonly DrainRequest[]
  answerRequest(requestId: number, answer: RequestAnswer): void

  recallTrials(place: TrialPlace): readonly RememberedTrial[]
  /** In the place of what was known of these encoders, and of everything that an older ffmpeg there had. */
  rememberTrials(place: TrialPlace, trials: readonly RememberedTrial[]): void

  /** What was learned of a host in the last months, with the ffmpeg that it has now. */
  recallSpeeds(place: TrialPlace): RememberedSpeeds
  /** Of a host (see `TrialPlace`) that did a job in the last days, before it is known which ffmpeg it has now, unless it has one path only. */
  recallLately(host: string, ffmpegPath?: string): RememberedSpeeds | undefined
  rememberSpeed(place: TrialPlace, learned: LearnedSpeed): void

  /** What was found out of a host's ffmpeg (see `TrialPlace`), as text; `configured` is what its configuration calls it. */
  recallFfmpeg(host: string, configured: string | undefined): string | undefined
  /** Undefined: it is unknown from now on. */
  rememberFfmpeg(host: string, configured: string | undefined, said: string | undefined): void
}

const END_ALL_JOBS = `UPDATE jobs SET state = 'interrupted', changed_at = ?, finished_at = ?
  WHERE run = ? AND state NOT IN ('done', 'skipped', 'failed', 'interrupted', ?)`
const COUNT_JOBS = `SELECT state, count(*) AS jobs, sum(source_bytes) AS source_bytes, sum(output_bytes) AS output_bytes
  FROM jobs WHERE run = ? GROUP BY state`

export function openLedger(options: LedgerOptions): Ledger {
  const file = join(options.folder, 'ledger.sqlite')
  const db = openDatabase(file, { warner: options.warner, busyTimeoutMs: options.busyTimeoutMs ?? 10_000 })
  const now = () => options.clock.now()
  let lifeLock: LifeLock | undefined

  function identify(): ProcessIdentity {
    lifeLock ??= holdLifeLock(options.folder, options.warner)
    return { ...identifyProcess(options.pid), lifeLock: lifeLock?.path }
  }

  return {
    file,
    startRun({ id, argv, clusters }) {
      const process = JSON.stringify(identify())
      db.setDurability('written')
      db.run(
        'INSERT INTO runs (id, started_at, pid, process, argv, clusters) VALUES (?, ?, ?, ?, ?, ?)',
        ...[id, now(), options.pid, process, JSON.stringify(argv), JSON.stringify(clusters)],
      )
      void db.flush().catch(() => {})
    },
    finishRun: (runId, exitStatus, end) => endRun(db, runId, { exitStatus, keepsQueued: end?.isDrained === true }, now()),

    addJobs(runId, plans) {
      if (plans.length === 0) return
      db.setDurability('written')
      db.transaction(() => {
        for (const plan of plans) insertJob(db, runId, plan, now())
      })
      // Whoever is to know of a failure asks for the next flush, which then fails, too.
      void db.flush().catch(() => {})
    },
    addRefusedFiles: (runId, files) => addRefusedFiles(db, runId, files, now()),
    refusedFiles: (runId) => listRefusedFiles(db, runId),
    startAttempt: (jobId, attempt) => startAttempt(db, jobId, attempt, now()),
    setState: (jobId, state, fields = {}) => setState(db, jobId, state, fields, now()),
    flush: () => db.flush(),
    batch(body) {
      db.setDurability('flushed')
      return db.transaction(body)
    },

    noteFile(jobId, place, path) {
      const run = db.get('SELECT run FROM jobs WHERE id = ?', jobId)?.run
      if (run === undefined) throw new Error(`The ledger knows no job "${jobId}"`)
      db.setDurability('written')
      noteFile(db, { runId: String(run), jobId, place, path }, now())
    },
    forgetFile: (jobId, place, path) => forgetFile(db, { runId: '', jobId, place, path }),
    noteRunFile(runId, place, path) {
      db.setDurability('flushed')
      noteFile(db, { runId, jobId: undefined, place, path }, now())
    },
    forgetRunFile: (runId, place, path) => forgetFile(db, { runId, jobId: undefined, place, path }),
    leftFiles: () => findLeftFiles(db),
    forgetLeftFile: (left) => forgetFile(db, left),

    claimSource: (runId, path) => claimSources(db, runId, [path], now()).get(path),
    claimSources: (runId, paths) => claimSources(db, runId, paths, now()),
    releaseSource: (runId, path) => releaseSource(db, runId, path),
    findHolder: (path) => findHolder(db, path),

    listRuns: (limit) => db.all('SELECT * FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?', limit).map((row) => readRun(db, row)),
    listJobs: (query) => listJobs(db, query),
    deadRuns: () =>
      db
        .all('SELECT * FROM runs WHERE finished_at IS NULL ORDER BY started_at, rowid')
        .map((row) => readRun(db, row))
        .filter((run) => run.liveness === 'dead')
        .map((run) => ({ ...run, unfinished: findUnfinished(db, run.id), files: findRunFiles(db, run.id) })),
    drainedRuns: () =>
      db
        .all(
          `SELECT * FROM runs WHERE finished_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM jobs WHERE run = runs.id AND state = 'queued') ORDER BY started_at, rowid`,
        )
        .map((row) => ({ ...readRun(db, row), unfinished: findUnfinished(db, String(row.id)).filter(({ state }) => state === 'queued') })),
    livingRuns() {
      const ask = createLivenessFinder()
      return db
        .all('SELECT * FROM runs WHERE finished_at IS NULL ORDER BY started_at, rowid')
        .filter((row) => ask(toProcess(row.process)) !== 'dead')
        .map((row) => readRun(db, row))
    },
    unfinishedJobs: (runId) => findUnfinished(db, runId),
    takeOver: (jobId, to) => takeOver(db, jobId, to, now()),
    adoptDeadRun: (runId) => adoptRun(db, runId, identify()),
    closeDeadRun(runId) {
      const row = db.get('SELECT process FROM runs WHERE id = ? AND finished_at IS NULL', runId)
      const owner = row && toProcess(row.process)
      if (owner === undefined || findLiveness(owner) !== 'dead') return false
      endRun(db, runId, { exitStatus: null, keepsQueued: false }, now())
      if (owner.lifeLock !== undefined) dropLifeLock(owner.lifeLock)
      return true
    },
    findDoneLine: (queueFile, source) => findDoneLine(db, queueFile, source),
    dropDoneLines: (queueFile, sources) => dropDoneLines(db, queueFile, sources),
    findDoneSince: (job) => findDoneSince(db, job),
    findResult: (path) => findResult(db, path),
    finishedSizes: (profile, limit) => listFinishedSizes(db, profile, limit),
    hasOtherWork: (runId) => hasOtherWork(db, runId),
    askToDrain: (runId, request) => addRequest(db, runId, request, now()),
    findAnswer: (requestId) => findAnswer(db, requestId),
    openRequests: (runId) => listOpenRequests(db, runId),
    answerRequest: (requestId, answer) => answerRequest(db, requestId, answer),
    recallTrials: (place) => recallTrials(db, place),
    rememberTrials: (place, trials) => rememberTrials(db, place, trials),
    recallSpeeds: (place) => recallSpeeds(db, place, now()),
    recallLately: (host, ffmpegPath) => recallLately(db, host, ffmpegPath, now()),
    rememberSpeed: (place, learned) => rememberSpeed(db, place, learned, now()),
    recallFfmpeg: (host, configured) => recallFfmpeg(db, host, configured),
    rememberFfmpeg: (host, configured, said) => rememberFfmpeg(db, host, configured, said),
    [Symbol.dispose]() {
      db[Symbol.dispose]()
      lifeLock?.[Symbol.dispose]()
    },
  }
}

interface RunEnd {
  readonly exitStatus: number | null
  readonly keepsQueued: boolean
}

function endRun(db: Database, runId: string, { exitStatus, keepsQueued }: RunEnd, nowMs: number): void {
  db.setDurability('flushed')
  db.transaction(() => {
    db.run(END_ALL_JOBS, nowMs, nowMs, runId, keepsQueued ? 'queued' : '')
    db.run('DELETE FROM claims WHERE run = ?', runId)
    db.run('UPDATE runs SET finished_at = ?, exit_status = ? WHERE id = ? AND finished_at IS NULL', nowMs, exitStatus, runId)
  })
}

function readRun(db: Database, row: ReturnType<Database['all']>[number]): RunRecord {
  return { ...toRunRecord(row, db.all(COUNT_JOBS, String(row.id)), findLiveness), refused: countRefusedFiles(db, String(row.id)) }
}
