/** What comes after one attempt: the job is done, goes on elsewhere or in another form, waits, or has failed for good. */

import type { JobOutcome } from '../model/outcome.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Conclude } from './conclude.ts'
import { joinReasons, withReasons } from './describe-failure.ts'
import { type Candidates, fitOn, isCondemned } from './find-candidates.ts'
import type { JobForm, ScheduledJob } from './job-form.ts'
import type { Entry, Lanes } from './lanes.ts'
import type { Candidate } from './rank-candidates.ts'
import { countSlots, type Worker, type WorkerSpec } from './worker.ts'

export interface SettleOptions<Job extends ScheduledJob> {
  readonly candidates: Candidates<Job>
  readonly lanes: Lanes<Job>
  readonly breaker: CircuitBreaker
  readonly signal: AbortSignal
  readonly conclude: Conclude<Job>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  readonly onLost: (worker: WorkerSpec, reason: string) => void
  readonly onLowered: (worker: WorkerSpec, queue: string, slots: number, reason: string) => void
}

type FailedOutcome = JobOutcome & { readonly kind: 'failed' }

/** Hosts that one job may lose: enough to outlive two dying hosts, few enough that a file which kills hosts is found out. */
const MAX_LOSSES = 4

/** Full disks that one job meets, each time after there seemed to be room: on one host, before another one must do it, and on all of them. */
const MAX_FULL_DISKS_A_HOST = 2
const MAX_FULL_DISKS = 6

export function createSettle<Job extends ScheduledJob>(
  options: SettleOptions<Job>,
): (entry: Entry<Job>, place: Candidate, outcome: JobOutcome) => void {
  const { candidates, lanes, breaker, signal, conclude } = options

  return (entry, { worker, fit }, outcome) => {
    if (outcome.kind === 'done' || outcome.kind === 'skipped') breaker.succeeded(worker)
    else if (outcome.kind === 'interrupted' || outcome.retry !== 'elsewhere') breaker.ended(worker, entry.job.id)

    if (outcome.kind === 'interrupted' || (signal.aborted && outcome.kind === 'failed')) lanes.putBack(entry)
    else if (outcome.kind !== 'failed') conclude(entry, outcome, worker)
    else if (outcome.retry === 'never') conclude(entry, outcome, worker, true)
    else if (outcome.retry === 'crowded' && lowerQueue(worker, fit.queue, outcome.reason)) tryAgain(entry, worker, outcome)
    else if ((outcome.retry === 'crowded' || outcome.retry === 'variant') && barForm(entry, worker, fit.form)) {
      entry.stayOn = worker
      tryAgain(entry, worker, outcome)
    } else if (outcome.retry === 'no-room') settleFullDisk(entry, worker, outcome)
    else settleSetback(entry, worker, outcome)
  }

  /** One slot less; false where nothing else runs in that queue, so that it cannot be full. */
  function lowerQueue(worker: Worker, queue: string, reason: string): boolean {
    if ((worker.taken.get(queue) ?? 0) === 0) return false
    if (countSlots(worker, queue) > 1) {
      worker.lowered.set(queue, (worker.lowered.get(queue) ?? 0) + 1)
      options.onLowered(worker.spec, queue, countSlots(worker, queue), reason)
    }
    return true
  }

  /** Bars a form on a host; false where it has no other. */
  function barForm(entry: Entry<Job>, worker: Worker, form: JobForm): boolean {
    const barred = entry.barred.get(worker) ?? new Set()
    entry.barred.set(worker, barred.add(form))
    return fitOn(entry, worker) !== undefined
  }

  function settleSetback(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    if (outcome.retry === 'lost') entry.losses += 1
    else entry.failedOn.set(worker, outcome.reason)
    if (outcome.retry === 'elsewhere') {
      entry.faults.add(worker)
      breaker.failed(worker, entry.job.id, outcome.reason)
    }
    if (outcome.retry === 'lost' && worker.state === 'up') {
      worker.state = 'expected'
      options.onLost(worker.spec, outcome.reason)
    }
    tryAgainOrEnd(entry, worker, outcome)
  }

  /** Nothing is known against file or host; but what never fits, although there seems to be room, must come to an end. */
  function settleFullDisk(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    const times = (entry.fullDisks.get(worker) ?? 0) + 1
    entry.fullDisks.set(worker, times)
    if (times >= MAX_FULL_DISKS_A_HOST) entry.failedOn.set(worker, outcome.reason)
    tryAgainOrEnd(entry, worker, outcome)
  }

  function tryAgainOrEnd(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    const isFiles = isCondemned(entry, breaker)
    const fullDisks = [...entry.fullDisks.values()].reduce((sum, times) => sum + times, 0)
    const isWornOut = isFiles || entry.losses >= MAX_LOSSES || fullDisks >= MAX_FULL_DISKS
    if (isWornOut || candidates.of(entry).length === 0) {
      const reason = entry.failedOn.has(worker) ? joinReasons(entry) : withReasons(entry, outcome.reason)
      conclude(entry, { ...outcome, reason }, worker, isFiles)
    } else tryAgain(entry, worker, outcome)
  }

  function tryAgain(entry: Entry<Job>, worker: Worker, { reason }: FailedOutcome): void {
    options.onRetry(entry.job, worker.spec, reason)
    lanes.putBack(entry)
  }
}
