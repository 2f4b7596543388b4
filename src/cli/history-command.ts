/** `encode history [RUN]`: the runs so far, or the jobs of one of them. */

import { systemClock } from '../core/clock.ts'
import { EncodeError } from '../core/errors.ts'
import { toSafeJson, toVisible } from '../core/text.ts'
import { formatBytes, formatDuration, savedPercent } from '../core/units.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import type { JobRecord, RunRecord } from '../ledger/records.ts'
import { formatSaving } from '../view/describe-event.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines } from './print-lines.ts'
import { stateFolder } from './state-folder.ts'

const MAX_RUNS = 20

export async function historyCommand(args: Arguments): Promise<number> {
  using ledger = openLedger({ folder: stateFolder(process.env), clock: systemClock, pid: process.pid, warner: process })
  const [wanted] = args.words
  const lines = wanted === undefined ? listRuns(ledger, args.isJson) : listJobs(ledger, wanted, args.isJson)
  await printLines(lines)
  return 0
}

function listRuns(ledger: Ledger, isJson: boolean): readonly string[] {
  const runs = ledger.listRuns(MAX_RUNS)
  if (isJson) return runs.map((run) => toSafeJson(run))
  if (runs.length === 0) return ['No runs yet']
  const resumable = runs.filter((run) => !isUnderWay(run) && countLeft(run) > 0)
  return [...runs.map(renderRun).reverse(), ...(resumable.length === 0 ? [] : ['"encode resume" continues with what is left'])]
}

function listJobs(ledger: Ledger, wanted: string, isJson: boolean): readonly string[] {
  const runs = ledger.listRuns(Number.MAX_SAFE_INTEGER)
  const run = wanted === 'last' ? runs[0] : runs.find(({ id }) => id === wanted)
  if (run === undefined && runs.length === 0) return isJson ? [] : ['No runs yet']
  if (run === undefined) {
    throw new EncodeError('USAGE_INVALID', `There is no run "${wanted}"`, {
      hint: 'See "encode history"; "encode history last" shows the latest run',
    })
  }
  const jobs = ledger.listJobs({ runId: run.id })
  const refused = ledger.refusedFiles(run.id)
  if (isJson) {
    const files = refused.map(({ path, reason }) => ({ runId: run.id, source: path, state: 'failed', reason }))
    return [...jobs, ...files].map((entry) => toSafeJson(entry))
  }
  const files = refused.map(({ path, reason }) => `${renderFile('failed', path)}  ${toVisible(reason)}`)
  return [
    renderRun(run),
    `called as ${quoteCommand(['encode', ...run.argv])}`,
    ...[...jobs.map(renderJob), ...files].map((line) => `  ${line}`),
  ]
}

function renderRun(run: RunRecord): string {
  const { done, skipped } = run.jobs
  const failed = run.jobs.failed + run.refused
  const parts = [`${run.id}  ${describeEnd(run).padEnd(14)} ${done} done, ${skipped} skipped, ${failed} failed`]
  if (run.jobs.interrupted > 0) parts.push(`${run.jobs.interrupted} interrupted`)
  if (countLeft(run) > 0) parts.push(`${countLeft(run)} ${isUnderWay(run) ? 'to do' : 'left'}`)
  if (done > 0) parts.push(describeSizes(run.sourceBytes, run.outputBytes))
  // When a later run closed it says nothing of how long it took.
  if (run.finishedAtMs !== undefined && run.exitStatus !== undefined)
    parts.push(`in ${formatDuration((run.finishedAtMs - run.startedAtMs) / 1000)}`)
  return parts.join(', ')
}

/** Neither over nor given up. */
function countLeft({ jobs }: RunRecord): number {
  const { done, skipped, failed, interrupted } = jobs
  return Object.values(jobs).reduce((sum, count) => sum + count, 0) - done - skipped - failed - interrupted
}

function isUnderWay({ finishedAtMs, liveness }: RunRecord): boolean {
  return finishedAtMs === undefined && liveness !== 'dead'
}

function describeSizes(sourceBytes: number, outputBytes: number): string {
  const sizes = `${formatBytes(sourceBytes)} → ${formatBytes(outputBytes)}`
  return `${sizes} (${formatSaving(savedPercent(sourceBytes, outputBytes))})`
}

function describeEnd(run: RunRecord): string {
  if (run.finishedAtMs === undefined) return isUnderWay(run) ? 'running' : 'died'
  if (run.exitStatus === undefined) return 'died, closed'
  return `exit ${run.exitStatus}`
}

function renderFile(state: string, path: string): string {
  return `${state.padEnd(11)} ${toVisible(path)}`
}

function renderJob(job: JobRecord): string {
  const parts = [renderFile(job.state, job.source)]
  if (job.state === 'done' && job.outputBytes !== undefined) {
    parts.push(describeSizes(job.sourceBytes, job.outputBytes))
  }
  if (job.host !== undefined) parts.push(`on ${job.host}`)
  if (job.reason !== undefined && job.state !== 'done') parts.push(toVisible(job.reason))
  if (job.log !== undefined && job.state === 'failed') parts.push(`log ${toVisible(job.log)}`)
  return parts.join('  ')
}
