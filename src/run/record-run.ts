/** One run that is written down: jobs are taken in and executed; totals and exit status come out. */

import type { Ledger } from '../ledger/ledger.ts'
import type { HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'
import type { Ffprobe } from '../plan/ffprobe.ts'
import { executeJobs } from './execute-jobs.ts'
import type { Intake } from './intake.ts'
import { removeLeftHere } from './left-files.ts'
import type { RunRequest, RunWorld } from './run-request.ts'
import { countTotals, toExitStatus } from './totals.ts'
import { warnOfStreams } from './warn-of-streams.ts'

export interface RecordedRun {
  readonly request: Pick<RunRequest, 'argv' | 'strategy' | 'isSequential' | 'config'>
  readonly world: RunWorld
  readonly ledger: Ledger
  readonly runId: string
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  readonly ffprobe: Ffprobe
  readonly intake: Intake
}

/** Resolves to the exit status. */
export async function recordRun({ request, world, ledger, runId, hosts, ffprobe, intake }: RecordedRun): Promise<number> {
  const { signal, clock } = world
  const totals = countTotals(world.emit)
  const startedMs = clock.now()
  const clusters = [...hosts.keys()]
  await removeLeftHere(ledger)
  ledger.startRun({ id: runId, argv: request.argv, clusters })

  // Held back until the run itself was told.
  const untold: (() => void)[] = []
  const plans = intake.first((event, fields) => untold.push(() => totals.emit(event, fields)))
  totals.emit('run.started', { jobs: plans.length, clusters })
  for (const tell of untold) tell()
  announce(plans, totals.emit)

  let hadNoHost = false
  if (plans.length > 0 || intake.feed !== undefined) {
    const execution = await executeJobs({
      runId,
      world,
      emit: totals.emit,
      ledger,
      ffprobe,
      hosts,
      strategy: request.strategy,
      maxRunning: request.isSequential ? 1 : undefined,
      flsPath: request.config.flsPath,
      plans,
      announce: (added) => announce(added, totals.emit),
      intake,
    })
    hadNoHost = execution.hadNoHost
  }

  const exit = toExitStatus({ signal, failed: totals.failed, hadNoHost })
  ledger.finishRun(runId, exit)
  totals.emit('run.finished', {
    done: totals.done,
    skipped: totals.skipped,
    failed: totals.failed,
    seconds: Math.round(clock.now() - startedMs) / 1000,
    source_bytes: totals.sourceBytes,
    output_bytes: totals.outputBytes,
    exit,
  })
  return exit
}

function announce(plans: readonly JobPlan[], emit: Emit): void {
  for (const plan of plans) {
    emit('job.queued', {
      job: plan.id,
      file: plan.source.path,
      cluster: plan.cluster,
      profile: plan.profile.name,
      queue: plan.profile.queue,
      source_bytes: plan.source.sizeBytes,
      duration_s: plan.source.durationSeconds,
    })
    warnOfStreams(plan, emit)
  }
}
