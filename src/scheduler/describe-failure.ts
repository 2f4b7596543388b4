/** Why a job failed for good, over all hosts that had to do with it. */

import type { CircuitBreaker } from './circuit-breaker.ts'
import { describeNearestMiss, findFit } from './find-fit.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry } from './lanes.ts'
import type { Worker } from './worker.ts'

/** `host: reason` of each host that failed at it; without the name where there is one host, which everybody names anyway. */
export function joinReasons<Job extends ScheduledJob>({ failedOn }: Entry<Job>): string {
  if (failedOn.size === 1) return [...failedOn.values()].join()
  return [...failedOn].map(([worker, reason]) => `${worker.spec.name}: ${reason}`).join('; ')
}

/** A reason that no host gave, and those that hosts gave before. */
export function withReasons<Job extends ScheduledJob>({ failedOn }: Entry<Job>, reason: string): string {
  return [reason, ...[...failedOn].map(([worker, earlier]) => `${worker.spec.name}: ${earlier}`)].join('; ')
}

/** Why no host can take it. */
export function describeUnplaced<Job extends ScheduledJob>(
  { attempts, job }: Entry<Job>,
  workers: Iterable<Worker>,
  breaker: CircuitBreaker,
): string {
  const here = [...workers].filter(({ state }) => state !== 'gone')
  const miss = attempts === 0 ? describeNearestMiss(here, job) : ''
  if (miss !== '') return `No host of cluster "${job.cluster}" can do it: ${miss}`
  const aside = here
    .filter((worker) => breaker.isHopeless(worker) && findFit(worker, job) !== undefined)
    .map((worker) => `"${worker.spec.name}" is set aside (${breaker.lastReasonOf(worker)})`)
  return [`No host of cluster "${job.cluster}" is left that can take it`, ...(aside.length > 0 ? [aside.join('; ')] : [])].join(': ')
}
