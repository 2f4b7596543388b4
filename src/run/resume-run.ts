/**
 * `encode resume`: what controllers that died left behind is removed, here and on the hosts, and their jobs are gone on with, and so
 * are those that a drained run left in the queue.
 * A finished file is never encoded again: a job that died in the middle of its replacement is only ended.
 */

import { describeError, EncodeError, isEncodeError } from '../core/errors.ts'
import { createRunId, toJobId } from '../core/ids.ts'
import { toPlainLine } from '../core/text.ts'
import { savedPercent } from '../core/units.ts'
import { statUnchanged } from '../job/replace.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import { openQueueFile } from '../ledger/queue-file.ts'
import type { DeadRun, DrainedRun, UnfinishedJob } from '../ledger/records.ts'
import type { Config } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'
import { createFfprobe, findFfprobeProgram } from '../plan/ffprobe.ts'
import { LOCAL_CLUSTER } from '../plan/target.ts'
import { quoteCommand } from '../view/quote-argument.ts'
import { describeHolder } from './describe-holder.ts'
import { endReplacements } from './end-replacements.ts'
import { selectHostsAgain } from './hosts/follow-config.ts'
import { selectHosts } from './hosts/select-hosts.ts'
import { recordRun } from './record-run.ts'
import type { RunRequest, RunWorld } from './run-request.ts'

export type ResumeRequest = Pick<RunRequest, 'config' | 'onlyHosts' | 'isSequential' | 'strategy' | 'rateLimitBytes' | 'argv'>

/** Resolves to the exit status. */
export async function resumeRun(request: ResumeRequest, world: RunWorld): Promise<number> {
  using ledger = openLedger({ folder: world.stateFolder, clock: world.clock, pid: world.pid, warner: world.warner })
  const dead = ledger.deadRuns()
  const ended = await endReplacements(ledger, dead)
  const endedIds = new Set(ended.map(({ job }) => job.id))
  const drained = ledger.drainedRuns()
  const unfinished = [...drained, ...dead].flatMap((run) => run.unfinished).filter(({ id }) => !endedIds.has(id))
  // Before any job moves: a cluster that is gone from the configuration leaves them as they are.
  const clusters = unfinished.map((job) => (isThisMachine(job.cluster, request.config) ? undefined : job.cluster))
  const hosts = selectHostsOf([...drained, ...dead], () => selectHosts(request.config, clusters, request.onlyHosts))
  const runId = createRunId(world.clock.now())
  let turn = Promise.resolve()
  /** One at a time: who has the queue file open locks out this very process, too. */
  const dropLine = (plan: JobPlan): Promise<void> => {
    turn = turn.then(() => dropQueueLine(plan, ledger, world))
    return turn
  }
  return await recordRun({
    request,
    world,
    ledger,
    runId,
    hosts,
    selectAgain: (config) => selectHostsAgain(config, clusters, request.onlyHosts),
    ffprobe: world.ffprobe ?? createFfprobe(findFfprobeProgram(request.config)),
    intake: {
      async first(emit) {
        for (const { job, failure } of ended) {
          tellEnded(job, failure, emit)
          if (failure === undefined) await dropLine(job.plan)
        }
        const plans = takeOver(ledger, runId, await selectWanted(ledger, unfinished, emit), emit)
        for (const run of dead) ledger.closeDeadRun(run.id)
        return plans
      },
      settle: async (plan, isComplete) => {
        if (isComplete) await dropLine(plan)
      },
    },
  })
}

/** A run that had a configuration of its own needs it again, and its call names it. */
function selectHostsOf<Hosts>(runs: readonly (DeadRun | DrainedRun)[], select: () => Hosts): Hosts {
  try {
    return select()
  } catch (error) {
    const run = runs.findLast(({ unfinished }) => unfinished.length > 0)
    if (!isEncodeError(error, 'USAGE_INVALID') || run === undefined) throw error
    const call = `Run ${run.id} was called as ${toPlainLine(quoteCommand(['encode', ...run.argv]))}`
    throw new EncodeError(error.code, error.message, {
      hint: [error.hint, call].filter((part) => part !== undefined).join('. '),
      cause: error,
    })
  }
}

/** Unless somebody calls a cluster of theirs so. */
function isThisMachine(cluster: string, { clusters }: Config): boolean {
  return cluster === LOCAL_CLUSTER && !clusters.some(({ name }) => name === LOCAL_CLUSTER)
}

function tellEnded(job: UnfinishedJob, failure: string | undefined, emit: Emit): void {
  const { plan, host = null, outputBytes = 0 } = job
  const { path, sizeBytes } = plan.source
  if (failure !== undefined) emit('job.failed', { job: job.id, file: path, host, reason: failure, log: null })
  else
    emit('job.done', {
      job: job.id,
      file: path,
      host: host ?? '',
      output: plan.output,
      seconds: 0,
      source_bytes: sizeBytes,
      output_bytes: outputBytes,
      saved_percent: savedPercent(sizeBytes, outputBytes),
    })
}

/** Leaves out what a later run has done meanwhile, and what a later one of the dead runs was asked for again. */
async function selectWanted(ledger: Ledger, jobs: readonly UnfinishedJob[], emit: Emit): Promise<readonly UnfinishedJob[]> {
  const wanted: UnfinishedJob[] = []
  for (const [at, job] of jobs.entries()) {
    const reason = describeDoneSince(ledger, job, await isUnchanged(job.plan)) ?? describeAskedAgain(job, jobs.slice(at + 1))
    if (reason === undefined) {
      wanted.push(job)
      continue
    }
    ledger.setState(job.id, 'skipped', { reason })
    emit('job.skipped', { job: job.id, file: job.source, reason })
  }
  return wanted
}

function describeDoneSince(ledger: Ledger, job: UnfinishedJob, isSourceUnchanged: boolean): string | undefined {
  const later = ledger.findDoneSince(job)
  if (later === undefined || (later.output !== job.output && isSourceUnchanged)) return undefined
  return `Run ${later.runId} has done it since: "${later.output}"`
}

/** One film is encoded once, however many controllers died over it. */
function describeAskedAgain(job: UnfinishedJob, later: readonly UnfinishedJob[]): string | undefined {
  const again = later.find(({ source, output }) => source === job.source && output === job.output)
  return again && `Run ${again.runId} was asked for it again`
}

function isUnchanged(plan: JobPlan): Promise<boolean> {
  return statUnchanged(plan).then(
    () => true,
    () => false,
  )
}

/** A source that another controller works on by now is told, and left to it. */
function takeOver(ledger: Ledger, runId: string, jobs: readonly UnfinishedJob[], emit: Emit): readonly JobPlan[] {
  const held = ledger.claimSources(
    runId,
    jobs.map(({ source }) => source),
  )
  return jobs.flatMap((job, index) => {
    const holder = held.get(job.source)
    if (holder === undefined) return ledger.takeOver(job.id, { runId, jobId: toJobId(runId, index + 1) }) ?? []
    const reason = `Another encode works on it: ${describeHolder(holder)}`
    emit('job.failed', { job: job.id, file: job.source, host: null, reason, log: null })
    return []
  })
}

/** The line that asked for the job, if the queue file still has it; a run of that queue file drops what cannot be dropped here. */
async function dropQueueLine(plan: JobPlan, ledger: Ledger, { cwd, clock, pid, emit }: RunWorld): Promise<void> {
  const { queueFile, source } = plan
  if (queueFile === undefined) return
  try {
    await using queue = await openQueueFile(queueFile, { cwd, clock, pid })
    for (const entry of queue.entries) {
      if (entry.path === source.path && (await queue.remove(entry))) ledger.dropDoneLines(queueFile, [source.path])
    }
  } catch (error) {
    emit('warning', { message: `The line of "${source.path}" stays in its queue file: ${describeError(error)}` })
  }
}
