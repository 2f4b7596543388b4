/**
 * Whether one job more may be placed on a host: into a slot that is free, or ahead of one, so that its source is there when the slot is.
 */

import { isPiledUp } from './attempts.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Candidate } from './rank-candidates.ts'
import { countFreeSlots, countRunning, countUsableSlots, type Worker, type WorkerSpec } from './worker.ts'

export interface PlacesOptions<Job extends ScheduledJob> {
  /** Jobs a slot. */
  readonly ahead: ((worker: WorkerSpec) => number) | undefined
  readonly breaker: CircuitBreaker
  /** Whether it is foreseen when a job would be over there. Undefined = never: then nothing is placed ahead while a slot is free. */
  readonly isForeseen: ((candidate: Candidate, job: Job) => boolean) | undefined
  /** How long the link will be busy with the sources that are on their way there. */
  readonly fetchSeconds: (worker: Worker) => number
  readonly maxRunning: number
  readonly countRunning: () => number
  readonly countUnderWay: () => number
}

export interface Places<Job extends ScheduledJob> {
  /** No job more, wherever it were. */
  isFull(): boolean
  /** It would encode at once, were its source there. */
  isFree(candidate: Candidate): boolean
  /** Those that have a place for it. */
  filter(candidates: readonly Candidate[], job: Job): readonly Candidate[]
  /** Jobs a slot that may be placed ahead. */
  ahead(worker: Worker): number
}

/** With sources on their way for longer than that, no other one is sent after them. */
const MAX_FETCH_SECONDS = 10

export function createPlaces<Job extends ScheduledJob>(options: PlacesOptions<Job>): Places<Job> {
  const { breaker, maxRunning } = options

  function ahead(worker: Worker): number {
    return maxRunning === 1 ? 0 : Math.max(0, options.ahead?.(worker.spec) ?? 0)
  }

  /** Side by side with many others, each source would come later. */
  function isLinkBusy({ worker }: Candidate): boolean {
    return options.fetchSeconds(worker) > MAX_FETCH_SECONDS && ahead(worker) > 0
  }

  function isFree({ worker, fit }: Candidate): boolean {
    return options.countRunning() < maxRunning && countFreeSlots(worker, fit.queue) > 0 && !isPiledUp(worker, fit.queue)
  }

  function hasPlaceAhead({ worker, fit }: Candidate): boolean {
    if (worker.state !== 'up' || breaker.stateOf(worker) !== 'free') return false
    const times = 1 + ahead(worker)
    if (times === 1 || options.countRunning() >= maxRunning * times) return false
    if ((worker.taken.get(fit.queue) ?? 0) >= countUsableSlots(worker, fit.queue) * times) return false
    return countRunning(worker) < (worker.spec.maxJobs ?? Number.POSITIVE_INFINITY) * times && !isPiledUp(worker, fit.queue)
  }

  /** Asked for all hosts whenever anything happens, when hardly any has a place: so told by what is at hand. */
  function isTaken({ worker, fit }: Candidate): boolean {
    return (worker.taken.get(fit.queue) ?? 0) >= countUsableSlots(worker, fit.queue) * (1 + ahead(worker))
  }

  return {
    // An attempt is over before the next one begins where one runs at a time.
    isFull: () => maxRunning === 1 && options.countUnderWay() > 0,
    isFree,
    filter(all, job) {
      const { isForeseen } = options
      const candidates = all.filter((candidate) => !isTaken(candidate))
      if (options.ahead !== undefined && isForeseen !== undefined) {
        return candidates.filter(
          (candidate) => (isFree(candidate) || (hasPlaceAhead(candidate) && isForeseen(candidate, job))) && !isLinkBusy(candidate),
        )
      }
      const free = candidates.filter(isFree)
      return options.ahead === undefined || free.length > 0 ? free : candidates.filter(hasPlaceAhead)
    },
    ahead,
  }
}
