/** Hosts that could take a job, free or not. */

import type { CircuitBreaker } from './circuit-breaker.ts'
import { type Fit, findFit, type ScheduledJob } from './job-form.ts'
import type { Entry } from './lanes.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Worker } from './worker.ts'

/** Hosts that can be believed and failed at a job: then another one would fail, too. */
const WITNESSES_NEEDED = 2

/** Hosts that are up or expected, can do the job and have not failed at it; none where all of them would be waited for in vain. */
export function findCandidates<Job extends ScheduledJob>(
  entry: Entry<Job>,
  workers: Iterable<Worker>,
  breaker: CircuitBreaker,
): readonly Candidate[] {
  const candidates = [...workers].flatMap((worker) => {
    if (worker.state === 'gone' || entry.failedOn.has(worker)) return []
    const fit = fitOn(entry, worker)
    return fit === undefined ? [] : [{ worker, fit }]
  })
  return candidates.every(({ worker }) => breaker.isHopeless(worker)) ? [] : candidates
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
