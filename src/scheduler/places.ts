/**
 * Whether one job more may be placed on a host: into a slot that is free, or ahead of one, so that its source is there when the slot is.
 */

import type { Clock } from '../core/clock.ts'
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
  readonly clock: Pick<Clock, 'now'>
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
  /** The same of a list that is asked about again and again, for jobs that are alike. */
  filterKept(candidates: readonly Candidate[], job: Job): readonly Candidate[]
  /** Jobs a slot that may be placed ahead. */
  ahead(worker: Worker): number
}

/**
 * Of each candidate: how often its host had changed when it was looked at, and until when, if it does not change again, it has no place.
 * With hundreds of hosts nearly all of them are busy whenever one of them has something to tell.
 */
interface Look {
  readonly changes: Float64Array
  readonly untilMs: Float64Array
}

/** With sources on their way for longer than that, no other one is sent after them. */
const MAX_FETCH_SECONDS = 10

export function createPlaces<Job extends ScheduledJob>(options: PlacesOptions<Job>): Places<Job> {
  const { breaker, maxRunning, clock } = options
  const looks = new WeakMap<readonly Candidate[], Look>()

  function ahead(worker: Worker): number {
    return maxRunning === 1 ? 0 : Math.max(0, options.ahead?.(worker.spec) ?? 0)
  }

  /** For so long the link is too busy: behind many others, each source would come later. */
  function linkBusySeconds({ worker }: Candidate): number {
    const seconds = options.fetchSeconds(worker) - MAX_FETCH_SECONDS
    return seconds > 0 && ahead(worker) > 0 ? seconds : 0
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

  function lookAt(candidates: readonly Candidate[]): Look {
    const known = looks.get(candidates)
    if (known !== undefined) return known
    const look = { changes: new Float64Array(candidates.length).fill(-1), untilMs: new Float64Array(candidates.length) }
    looks.set(candidates, look)
    return look
  }

  /** For how long, if nothing happens there, it will have no place; 0 where it has one, or nobody can tell. */
  function noPlaceSeconds(candidate: Candidate, job: Job): { readonly hasPlace: boolean; readonly seconds: number } {
    if (isTaken(candidate)) return NEVER
    if (!isFree(candidate) && !hasPlaceAhead(candidate)) return UNTOLD
    if (!isFree(candidate) && options.isForeseen?.(candidate, job) !== true) return UNTOLD
    const seconds = linkBusySeconds(candidate)
    return { hasPlace: seconds === 0, seconds }
  }

  function filter(all: readonly Candidate[], job: Job): readonly Candidate[] {
    if (options.ahead !== undefined && options.isForeseen !== undefined)
      return all.filter((candidate) => noPlaceSeconds(candidate, job).hasPlace)
    const candidates = all.filter((candidate) => !isTaken(candidate))
    const free = candidates.filter(isFree)
    return options.ahead === undefined || free.length > 0 ? free : candidates.filter(hasPlaceAhead)
  }

  return {
    // An attempt is over before the next one begins where one runs at a time.
    isFull: () => maxRunning === 1 && options.countUnderWay() > 0,
    isFree,
    filter,
    filterKept(all, job) {
      if (options.ahead === undefined || options.isForeseen === undefined) return filter(all, job)
      const { changes, untilMs } = lookAt(all)
      const nowMs = clock.now()
      const found: Candidate[] = []
      for (let index = 0; index < all.length; index += 1) {
        const candidate = all[index]
        if (candidate === undefined) break
        if (changes[index] === candidate.worker.changes && nowMs < (untilMs[index] ?? 0)) continue
        const { hasPlace, seconds } = noPlaceSeconds(candidate, job)
        if (hasPlace) found.push(candidate)
        changes[index] = candidate.worker.changes
        untilMs[index] = nowMs + seconds * 1000
      }
      return found
    },
    ahead,
  }
}

/** Until something ends there. */
const NEVER = { hasPlace: false, seconds: Number.POSITIVE_INFINITY }
/** It depends on more than on the host. */
const UNTOLD = { hasPlace: false, seconds: 0 }
