/**
 * `encode resume`: what controllers that died left behind is removed, here and on the hosts, and their jobs are gone on with.
 * A finished file is never encoded again: a job that died in the middle of its replacement is only ended.
 */

import { describeError } from '../core/errors.ts'
import { createRunId, toJobId } from '../core/ids.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import { openQueueFile } from '../ledger/queue-file.ts'
import type { UnfinishedJob } from '../ledger/records.ts'
import type { JobPlan } from '../model/plan.ts'
import { createFfprobe, findFfprobeProgram } from '../plan/ffprobe.ts'
import { LOCAL_CLUSTER } from '../plan/target.ts'
import { endReplacement } from './end-replacement.ts'
import { recordRun } from './record-run.ts'
import type { RunRequest, RunWorld } from './run-request.ts'
import { selectHosts } from './select-hosts.ts'

export type ResumeRequest = Pick<RunRequest, 'config' | 'onlyHosts' | 'isSequential' | 'strategy' | 'argv'>

/** Resolves to the exit status. */
export async function resumeRun(request: ResumeRequest, world: RunWorld): Promise<number> {
  using ledger = openLedger({ folder: world.stateFolder, clock: world.clock, pid: world.pid, warner: world.warner })
  const dead = ledger.deadRuns()
  const unfinished: UnfinishedJob[] = []
  for (const job of dead.flatMap((run) => run.unfinished)) {
    if (await endReplacement(job)) ledger.setState(job.id, 'done', { outputBytes: job.outputBytes ?? 0 })
    else unfinished.push(job)
  }
  // Before anything moves: a cluster that is gone from the configuration leaves all as it is.
  const hosts = selectHosts(
    request.config,
    unfinished.map((job) => (job.cluster === LOCAL_CLUSTER ? undefined : job.cluster)),
    request.onlyHosts,
  )
  const runId = createRunId(world.clock.now())
  return await recordRun({
    request,
    world,
    ledger,
    runId,
    hosts,
    ffprobe: createFfprobe(findFfprobeProgram(request.config)),
    intake: {
      first() {
        const plans = takeOver(ledger, runId, unfinished)
        for (const run of dead) ledger.closeDeadRun(run.id)
        return plans
      },
      settle: async (plan, isComplete) => {
        if (isComplete) await dropQueueLine(plan, world)
      },
    },
  })
}

function takeOver(ledger: Ledger, runId: string, jobs: readonly UnfinishedJob[]): readonly JobPlan[] {
  return jobs.flatMap((job, index) => ledger.takeOver(job.id, { runId, jobId: toJobId(runId, index + 1) }) ?? [])
}

/** The line that asked for the job, if the queue file still has it. */
async function dropQueueLine(plan: JobPlan, { cwd, clock, pid, emit }: RunWorld): Promise<void> {
  if (plan.queueFile === undefined) return
  try {
    await using queue = await openQueueFile(plan.queueFile, { cwd, clock, pid })
    for (const entry of queue.entries) if (entry.path === plan.source.path) await queue.remove(entry)
  } catch (error) {
    emit('warning', { message: `The line of "${plan.source.path}" stays in its queue file: ${describeError(error)}` })
  }
}
