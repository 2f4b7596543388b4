/** Where jobs would go if all took equally long: the same strategy and the same needs as in a run, slots filled round after round. */

import { describeNearestMiss, findFit } from '../../scheduler/find-fit.ts'
import type { JobForm, ScheduledJob } from '../../scheduler/job-form.ts'
import { type Candidate, rankCandidates } from '../../scheduler/rank-candidates.ts'
import { createStrategy, type StrategyName } from '../../scheduler/strategy.ts'
import { createWorker, type Worker, type WorkerSpec } from '../../scheduler/worker.ts'

export type Place =
  | { readonly kind: 'host'; readonly host: string; readonly form: JobForm; readonly queue: string }
  /** Hosts are there, but none can do it. */
  | { readonly kind: 'unable'; readonly reason: string }
  /** No host of the cluster is there. */
  | { readonly kind: 'nobody' }

/** Hosts without room for a job are left out where others have it. */
export function createPlacement(
  strategy: StrategyName,
  usable: readonly WorkerSpec[],
): (job: ScheduledJob, roomless?: ReadonlyMap<WorkerSpec, unknown>) => Place {
  const choose = createStrategy(strategy, () => undefined)
  const workers = usable.map((spec): Worker => ({ ...createWorker(spec), state: 'up' }))
  return (job, roomless = new Map()) => {
    const here = workers.filter(({ spec }) => spec.cluster === job.cluster)
    if (here.length === 0) return { kind: 'nobody' }
    const able = here.flatMap((worker) => {
      const fit = findFit(worker, job)
      return fit === undefined ? [] : [{ worker, fit }]
    })
    const roomy = able.filter(({ worker }) => !roomless.has(worker.spec))
    const candidates = roomy.length > 0 ? roomy : able
    const round = Math.min(...candidates.map(roundOf))
    const [first, ...rest] = rankCandidates(candidates.filter((candidate) => roundOf(candidate) === round))
    if (first === undefined) {
      return { kind: 'unable', reason: `No host of cluster "${job.cluster}" can do it: ${describeNearestMiss(here, job)}` }
    }
    const { worker, fit } = choose([first, ...rest], { profile: job.profile, work: 1 })
    worker.taken.set(fit.queue, (worker.taken.get(fit.queue) ?? 0) + 1)
    return { kind: 'host', host: worker.spec.name, form: fit.form, queue: fit.queue }
  }
}

function roundOf({ worker, fit }: Candidate): number {
  const slots = Math.min(worker.spec.queues?.[fit.queue] ?? 1, worker.spec.maxJobs ?? Number.POSITIVE_INFINITY)
  return Math.floor((worker.taken.get(fit.queue) ?? 0) / slots)
}
