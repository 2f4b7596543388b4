/** Hosts that could take a job, free or not. */

import type { CircuitBreaker } from './circuit-breaker.ts'
import { type Fit, findFit } from './find-fit.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry, Lane } from './lanes.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Worker } from './worker.ts'

export interface Candidates<Job extends ScheduledJob> {
  /** Hosts that are up or expected, can do the job and have not failed at it; none where all of them would be waited for in vain. */
  of(entry: Entry<Job>): readonly Candidate[]
  /** The same of a job that was not tried yet. */
  ofLane(lane: Lane<Job>): readonly Candidate[]
  /** Hosts came, went or turned out to be different. */
  forget(): void
  /** Grows with every `forget`. */
  readonly version: number
}

/** Hosts that can be believed and failed at a job: then another one would fail, too. */
const WITNESSES_NEEDED = 2

export function createCandidates<Job extends ScheduledJob>(workers: ReadonlyMap<string, Worker>, breaker: CircuitBreaker): Candidates<Job> {
  let byLane = new WeakMap<Lane<Job>, readonly Candidate[]>()
  let version = 0

  function ofLane(lane: Lane<Job>): readonly Candidate[] {
    const known = byLane.get(lane)
    if (known !== undefined) return known
    const found = [...workers.values()].flatMap((worker) => {
      const fit = worker.state === 'gone' ? undefined : findFit(worker, lane.sample)
      return fit === undefined ? [] : [{ worker, fit }]
    })
    byLane.set(lane, found)
    return found
  }

  function withoutHopeless(candidates: readonly Candidate[]): readonly Candidate[] {
    return candidates.every(({ worker }) => breaker.isHopeless(worker)) ? [] : candidates
  }

  return {
    of(entry) {
      const { failedOn, barred } = entry
      if (failedOn.size === 0 && barred.size === 0) return withoutHopeless(ofLane(entry.lane))
      const left = ofLane(entry.lane).flatMap(({ worker, fit }) => {
        if (failedOn.has(worker)) return []
        const own = barred.has(worker) ? fitOn(entry, worker) : fit
        return own === undefined ? [] : [{ worker, fit: own }]
      })
      return withoutHopeless(left)
    },
    ofLane: (lane) => withoutHopeless(ofLane(lane)),
    forget() {
      byLane = new WeakMap()
      version += 1
    },
    get version() {
      return version
    },
  }
}

export function fitOn<Job extends ScheduledJob>(entry: Entry<Job>, worker: Worker): Fit | undefined {
  const barred = entry.barred.get(worker)
  return findFit(worker, entry.job, (form) => barred?.has(form) === true)
}

/** Witnesses say that the file is to blame. */
export function isCondemned<Job extends ScheduledJob>({ faults, job }: Entry<Job>, breaker: CircuitBreaker): boolean {
  if (faults.size < WITNESSES_NEEDED) return false
  return [...faults].filter((worker) => breaker.isWitness(worker, job.id)).length >= WITNESSES_NEEDED
}
