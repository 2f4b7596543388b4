/** Jobs planned from targets, and from a queue file that may grow while it drains. */

import { describeError, isEncodeError } from '../core/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { QueueFile } from '../ledger/queue-file.ts'
import type { QueueEntry } from '../ledger/queue-line.ts'
import type { RefusedFile } from '../ledger/refused-files.ts'
import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'
import type { PlannedFile } from '../plan/plan-jobs.ts'
import type { Target } from '../plan/target.ts'
import { describeHolder } from './describe-holder.ts'
import type { Feeding, Intake } from './intake.ts'
import { createQueueDrain } from './queue-drain.ts'
import { toRefusedFiles, toTargets } from './queue-targets.ts'
import type { RunRequest, RunWorld } from './run-request.ts'
import { withoutDoneLines } from './without-done-lines.ts'

/** Plans targets, call after call, as one run: job numbers go on, clashes are found across calls. */
export type PlanTargets = (targets: readonly Target[]) => Promise<readonly PlannedFile[]>

export interface PlannedIntakeOptions {
  readonly request: RunRequest
  readonly world: RunWorld
  readonly ledger: Ledger
  readonly runId: string
  readonly files: readonly PlannedFile[]
  readonly queue: QueueFile | undefined
  readonly planTargets: PlanTargets
}

const LOOK_EVERY_MS = 1_000

export function createPlannedIntake(options: PlannedIntakeOptions): Intake {
  const { request, world, ledger, runId, queue } = options
  const drain =
    queue === undefined ? undefined : createQueueDrain(queue, (sources) => ledger.dropDoneLines(request.queueFile ?? '', sources))
  let wake = Promise.withResolvers<void>()
  let lookFailure: string | undefined
  drain?.take(queue?.entries ?? [])

  return {
    first: async (emit) => admit(await withoutDoneLines(options.files, ledger), emit),
    feed: queue === undefined ? undefined : (feeding) => feed(queue, feeding),
    async settle(plan, isComplete) {
      await drain?.settle(plan, isComplete).catch((error: unknown) => world.emit('warning', { message: messageOf(error) }))
      wake.resolve()
    },
  }

  async function feed(file: QueueFile, { add, emit, isIdle, signal }: Feeding): Promise<void> {
    await closeLines(options.files)
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
    for (const path of new Set(files.map((file) => file.target.path))) await drain?.close(path)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
