/** The end of a job: told, and the answer to whose fault its failures were. */

import type { JobOutcome } from '../model/outcome.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry } from './lanes.ts'
import type { Worker, WorkerSpec } from './worker.ts'

export type FinalOutcome = Exclude<JobOutcome, { readonly kind: 'interrupted' }>

/** `worker` is the last that tried it. `isFiles`: witnesses say that the file is to blame. */
export type Conclude<Job extends ScheduledJob> = (
  entry: Entry<Job>,
  outcome: FinalOutcome,
  worker: Worker | undefined,
  isFiles?: boolean,
) => void

export function createConclude<Job extends ScheduledJob>(
  breaker: CircuitBreaker,
  onSettled: (job: Job, outcome: FinalOutcome, worker: WorkerSpec | undefined) => void,
): Conclude<Job> {
  return (entry, outcome, worker, isFiles = false) => {
    onSettled(entry.job, outcome, worker?.spec)
    for (const failing of entry.faults) {
      if (outcome.kind === 'failed') breaker.clear(failing, entry.job.id, isFiles)
      else breaker.blame(failing, entry.job.id)
    }
  }
}
