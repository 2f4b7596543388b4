/** One run that is written down: jobs are taken in and executed; totals and exit status come out. */

import { describeError } from '../core/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Config, HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'
import type { Ffprobe } from '../plan/ffprobe.ts'
import { type Execution, executeJobs } from './execute-jobs.ts'
import { EXIT, toExitStatus } from './exit-status.ts'
import type { HostsByCluster } from './hosts/change-hosts.ts'
import { removeLeftHere } from './hosts/left-files.ts'
import type { Intake } from './intake/intake.ts'
import type { RunRequest, RunWorld } from './run-request.ts'
import { MIN_FREE_BYTES } from './space/run-space.ts'
import { countTotals } from './totals.ts'
import { warnOfStreams } from './warn-of-streams.ts'

export interface RecordedRun {
  readonly request: Pick<RunRequest, 'argv' | 'strategy' | 'isSequential' | 'rateLimitBytes' | 'config'>
  readonly world: RunWorld
  readonly ledger: Ledger
  readonly runId: string
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  readonly ffprobe: Ffprobe
  readonly intake: Intake
  /** The hosts of this run in a configuration that has changed meanwhile. */
  readonly selectAgain?: ((config: Config) => HostsByCluster) | undefined
}

/** Resolves to the exit status. */
export async function recordRun({ request, world, ledger, runId, hosts, ffprobe, intake, selectAgain }: RecordedRun): Promise<number> {
  const { signal, clock } = world
  const totals = countTotals(world.emit)
  const startedMs = clock.now()
  const clusters = [...hosts.keys()]
  ledger.startRun({ id: runId, argv: request.argv, clusters })

  // Held back until the run itself was told.
  const untold: (() => void)[] = []
  const plans = await intake.first((event, fields) => untold.push(() => totals.emit(event, fields)))
  // After what earlier runs left was looked through: a verified result may be among it.
  await removeLeftHere(ledger)
  const files = intake.unplanned?.files
  totals.emit('run.started', { jobs: plans.length, clusters, ...(files === undefined ? {} : { files }) })
  for (const tell of untold) tell()
  announce(plans, totals.emit)

  let hadNoHost = false
  let failure: unknown
  let drained: Execution['drained']
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
      maxFailures: request.config.maxFailures,
      flsPath: request.config.flsPath,
      rateLimitBytes: (request.rateLimitBytes ?? request.config.rateLimitBytes) || undefined,
      minFreeBytes: request.config.minFreeBytes ?? MIN_FREE_BYTES,
      plans,
      announce: (added) => announce(added, totals.emit),
      intake,
      reload: selectAgain && { config: request.config, select: selectAgain },
    })
    hadNoHost = execution.hadNoHost
    failure = execution.failure
    drained = execution.drained
  }

  const usual = toExitStatus({ signal, failed: totals.failed, hadNoHost })
  try {
    ledger.finishRun(runId, usual, { isDrained: drained !== undefined })
  } catch (error) {
    failure ??= error
  }
  if (failure !== undefined) totals.emit('warning', { message: `The run ended early: ${describeError(failure)}` })
  const exit = failure !== undefined && usual === EXIT.done ? EXIT.someFailed : usual
  totals.emit('run.finished', {
    done: totals.done,
    skipped: totals.skipped,
    failed: totals.failed,
    seconds: Math.max(0, Math.round(clock.now() - startedMs)) / 1000,
    source_bytes: totals.sourceBytes,
    output_bytes: totals.outputBytes,
    exit,
    ...(drained === undefined ? {} : { left: drained.left }),
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
