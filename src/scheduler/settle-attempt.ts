/**
 * What comes after one attempt: the job is done, goes on elsewhere or in another form, waits, or has failed for good. Where another
 * attempt at it is under way, what an attempt taught is noted, and the other one decides.
 */

import type { JobOutcome } from '../model/outcome.ts'
import type { LiveAttempt } from './attempt.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Conclude } from './conclude.ts'
import { joinReasons, withReasons } from './describe-failure.ts'
import { type Candidates, fitOn, isCondemned } from './find-candidates.ts'
import type { JobForm, ScheduledJob } from './job-form.ts'
import type { Entry, Lanes } from './lanes.ts'
import type { Candidate } from './rank-candidates.ts'
import { countPhase, countSlots, type Worker, type WorkerSpec } from './worker.ts'

export interface SettleOptions<Job extends ScheduledJob> {
  readonly candidates: Candidates<Job>
  readonly lanes: Lanes<Job>
  readonly breaker: CircuitBreaker
  readonly signal: AbortSignal
  readonly conclude: Conclude<Job>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  readonly onWithdrawn?: (job: Job, worker: WorkerSpec, reason: string) => void
  readonly onLost: (worker: WorkerSpec, reason: string) => void
  readonly onLowered: (worker: WorkerSpec, queue: string, slots: number, reason: string) => void
}

type FailedOutcome = JobOutcome & { readonly kind: 'failed' }

/** What a failure means for the job: it waits for its next try, or is over if it never should be tried again, or nobody is left to. */
type Verdict = 'again' | 'if-possible' | 'never'

interface Setback {
  readonly verdict: Verdict
  readonly worker: Worker
  readonly outcome: FailedOutcome
}

/** Hosts that one job may lose: enough to outlive two dying hosts, few enough that a file which kills hosts is found out. */
const MAX_LOSSES = 4

/** Full disks that one job meets, each time after there seemed to be room: on one host, before another one must do it, and on all of them. */
const MAX_FULL_DISKS_A_HOST = 2
const MAX_FULL_DISKS = 6

/** The attempt is no longer among those of its entry. */
export function createSettle<Job extends ScheduledJob>(
  options: SettleOptions<Job>,
): (attempt: LiveAttempt<Job>, outcome: JobOutcome) => void {
  const { candidates, lanes, breaker, signal, conclude } = options
  /** Failures of jobs at which another attempt is under way. */
  const setbacks = new WeakMap<Entry<Job>, Setback>()
  const concluded = new WeakSet<Entry<Job>>()

  return (attempt, outcome) => {
    const { entry, place } = attempt
    const { worker } = place
    if (outcome.kind === 'done' || outcome.kind === 'skipped') breaker.succeeded(worker)
    else if (outcome.kind === 'interrupted' || outcome.retry !== 'elsewhere') breaker.ended(worker, entry.job.id)
    if (concluded.has(entry)) return

    const isOthers = entry.claimedBy !== undefined && entry.claimedBy !== attempt
    if (entry.claimedBy === attempt && outcome.kind !== 'done') entry.claimedBy = undefined
    if ((outcome.kind === 'done' || outcome.kind === 'skipped') && !isOthers) {
      concluded.add(entry)
      conclude(entry, outcome, worker)
      for (const other of entry.live) other.withdraw('Another attempt was sooner')
      return
    }
    // What fails beside a result that takes its place, fails because of it.
    const setback = outcome.kind === 'failed' && !isOthers && !signal.aborted ? note(entry, place, outcome) : setbacks.get(entry)
    if (entry.live.size > 0) {
      if (setback !== undefined) setbacks.set(entry, setback)
      return
    }
    setbacks.delete(entry)
    if (setback === undefined || signal.aborted) {
      lanes.putBack(entry)
      if (attempt.withdrawn !== undefined && !signal.aborted) options.onWithdrawn?.(entry.job, worker.spec, attempt.withdrawn)
    } else follow(entry, setback)
  }

  function note(entry: Entry<Job>, { worker, fit }: Candidate, outcome: FailedOutcome): Setback {
    const setback = (verdict: Verdict): Setback => ({ verdict, worker, outcome })
    if (outcome.retry === 'never') return setback('never')
    if (outcome.retry === 'crowded' && lowerQueue(worker, fit.queue, outcome.reason)) return setback('again')
    if ((outcome.retry === 'crowded' || outcome.retry === 'variant') && barForm(entry, worker, fit.form)) {
      entry.stayOn = worker
      return setback('again')
    }
    if (outcome.retry === 'no-room') noteFullDisk(entry, worker, outcome)
    else noteSetback(entry, worker, outcome)
    return setback('if-possible')
  }

  function follow(entry: Entry<Job>, { verdict, worker, outcome }: Setback): void {
    if (verdict === 'never') conclude(entry, outcome, worker, true)
    else if (verdict === 'again') tryAgain(entry, worker, outcome)
    else tryAgainOrEnd(entry, worker, outcome)
  }

  /** One slot less; false where nothing else runs in that queue, so that it cannot be full. */
  function lowerQueue(worker: Worker, queue: string, reason: string): boolean {
    if (countPhase(worker, 'encoding', queue) === 0) return false
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

  function noteSetback(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
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
  }

  /** Nothing is known against file or host; but what never fits, although there seems to be room, must come to an end. */
  function noteFullDisk(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    const times = (entry.fullDisks.get(worker) ?? 0) + 1
    entry.fullDisks.set(worker, times)
    if (times >= MAX_FULL_DISKS_A_HOST) entry.failedOn.set(worker, outcome.reason)
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
