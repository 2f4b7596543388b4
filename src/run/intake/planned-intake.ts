/** Jobs planned from targets, and from a queue file that may grow while it drains. */

import { describeError, isEncodeError, messageOf } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { QueueFile } from '../../ledger/queue-file.ts'
import type { QueueEntry } from '../../ledger/queue-line.ts'
import type { RefusedFile } from '../../ledger/refused-files.ts'
import type { Emit } from '../../model/events.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { FoundSource } from '../../plan/find-sources.ts'
import type { PlanStream } from '../../plan/plan-stream.ts'
import type { PlannedFile } from '../../plan/planned-file.ts'
import { LOCAL_CLUSTER, type Target } from '../../plan/target.ts'
import { describeHolder } from '../describe-holder.ts'
import type { MountedSample } from '../hosts/mounted-check.ts'
import type { RunRequest, RunWorld } from '../run-request.ts'
import type { Feeding, Intake } from './intake.ts'
import { createQueueDrain } from './queue-drain.ts'
import { toRefusedFiles, toTargets } from './queue-targets.ts'
import { withoutDoneLines } from './without-done-lines.ts'

/** Plans targets, call after call, as one run: job numbers go on, clashes are found across calls. */
export type PlanTargets = (targets: readonly Target[]) => Promise<readonly PlannedFile[]>

export interface PlannedIntakeOptions {
  readonly request: RunRequest
  readonly world: RunWorld
  readonly ledger: Ledger
  readonly runId: string
  /** Those that are planned by now. */
  readonly files: readonly PlannedFile[]
  /** The others. */
  readonly rest: PlanStream
  readonly queue: QueueFile | undefined
  readonly planTargets: PlanTargets
}

const LOOK_EVERY_MS = 1_000
/** Files that are planned later are taken in by lots: each is one write of the ledger. */
const LOT = 100
const LOT_MS = 100

export function createPlannedIntake(options: PlannedIntakeOptions): Intake {
  const { request, world, ledger, runId, queue, rest } = options
  const drain =
    queue === undefined ? undefined : createQueueDrain(queue, (sources) => ledger.dropDoneLines(request.queueFile ?? '', sources))
  let wake = Promise.withResolvers<void>()
  let lookFailure: string | undefined
  drain?.take(queue?.entries ?? [])

  return {
    unplanned:
      rest.leftCount === 0 ? undefined : { files: options.files.length + rest.leftCount, samples: rest.leftSources().map(toSample) },
    first: async (emit) => admit(await withoutDoneLines(options.files, ledger), emit),
    feed: queue === undefined && rest.leftCount === 0 ? undefined : feed,
    async settle(plan, isComplete) {
      await drain?.settle(plan, isComplete).catch((error: unknown) => world.emit('warning', { message: messageOf(error) }))
      wake.resolve()
    },
  }

  async function feed(feeding: Feeding): Promise<void> {
    await closeLines(options.files)
    await feedRest(feeding)
    if (queue !== undefined) await feedLines(queue, feeding)
  }

  /** Also while it drains: what is found is queued, for `encode resume`. */
  async function feedRest({ add, emit, ending }: Feeding): Promise<void> {
    while (rest.leftCount > 0) {
      const lot = await untilAborted(
        rest.next(
          LOT,
          world.clock.sleep(LOT_MS, ending).catch(() => {}),
        ),
        ending,
      )
      const files = await withoutDoneLines(lot, ledger)
      ending.throwIfAborted()
      add(admit(files, emit))
      await closeLines(files)
    }
  }

  async function feedLines(file: QueueFile, { add, emit, isIdle, signal }: Feeding): Promise<void> {
    while (!signal.aborted) {
      // Asked before the look: what is appended later than the last job's end is for the next run.
      const wasIdle = isIdle()
      const entries = await look(file, emit)
      const refused = entries.filter((entry) => entry.kind === 'refused')
      const fresh = new Set(drain?.take(entries))
      for (const { path } of refused) fresh.delete(path)
      if (fresh.size > 0 || refused.length > 0) {
        const planned = [...toRefusedFiles(refused, request), ...(await planLater(toTargets(fresh, request), signal))]
        const files = await withoutDoneLines(planned, ledger)
        add(admit(files, emit))
        await closeLines(files)
      } else if (wasIdle) return
      await Promise.race([world.clock.sleep(LOOK_EVERY_MS, signal).catch(() => {}), wake.promise])
      wake = Promise.withResolvers()
    }
  }

  /** What keeps the file from being read may pass; it is said once. */
  async function look(file: QueueFile, emit: Emit): Promise<readonly QueueEntry[]> {
    try {
      return await file.poll()
    } catch (error) {
      const message = `The queue file "${file.path}" cannot be looked at: ${messageOf(error)}`
      if (message !== lookFailure) emit('warning', { message })
      lookFailure = message
      return []
    }
  }

  /** At the start a fault of the configuration ends the call; a line that meets one later must not end what is under way. */
  async function planLater(targets: readonly Target[], signal: AbortSignal): Promise<readonly PlannedFile[]> {
    try {
      return await options.planTargets(targets)
    } catch (error) {
      signal.throwIfAborted()
      if (!isEncodeError(error)) throw error
      return targets.map((target) => ({ kind: 'failed', target, file: target.path, reason: describeError(error) }))
    }
  }

  /** Claims the sources and writes the jobs down; a source that another controller works on is told and left alone. */
  function admit(files: readonly PlannedFile[], emit: Emit): readonly JobPlan[] {
    const plans = files.flatMap((file) => (file.kind === 'job' ? [file.plan] : []))
    const held = ledger.claimSources(
      runId,
      plans.map((plan) => plan.source.path),
    )
    ledger.addJobs(
      runId,
      plans.filter((plan) => !held.has(plan.source.path)),
    )
    const refused: RefusedFile[] = []
    for (const file of files) {
      if (file.kind === 'skipped') {
        emit('job.skipped', { file: file.file, reason: file.reason })
        continue
      }
      const path = file.kind === 'job' ? file.plan.source.path : file.file
      const holder = held.get(path)
      const reason = file.kind === 'failed' ? file.reason : holder && `Another encode works on it: ${describeHolder(holder)}`
      if (reason !== undefined) {
        emit('job.failed', { file: path, host: null, reason, log: null })
        refused.push({ path, reason })
        drain?.fail(file.target.path)
      } else if (file.kind === 'job') drain?.addJob(file.target.path, file.plan)
    }
    ledger.addRefusedFiles(runId, refused)
    return plans.filter((plan) => !held.has(plan.source.path))
  }

  async function closeLines(files: readonly PlannedFile[]): Promise<void> {
    const targets = new Set(files.map((file) => file.target).filter((target) => rest.isOver(target)))
    for (const path of new Set([...targets].map((target) => target.path))) await drain?.close(path)
  }
}

function toSample(source: FoundSource): MountedSample {
  return { cluster: source.target.cluster ?? LOCAL_CLUSTER, source }
}
