/** Whether a host can do a job, in which form and in which queue; and for people, what it lacks where it cannot. */

import { quoteAll } from '../core/text.ts'
import type { JobForm, ScheduledJob } from './job-form.ts'
import type { Worker, WorkerSpec } from './worker.ts'

/** A form that a host can do, free or not. */
export interface Fit {
  readonly form: JobForm
  readonly queue: string
  /** How many better forms there are. */
  readonly rank: number
}

/** The best form that the host could do as far as is known; undefined when it never can. */
export function findFit({ spec }: Worker, job: ScheduledJob, isBarred: (form: JobForm) => boolean = () => false): Fit | undefined {
  if (spec.cluster !== job.cluster) return undefined
  for (const [rank, form] of job.forms.entries()) {
    if (isBarred(form) || findObstacles(spec, job, form).length > 0) continue
    return { form, rank, queue: findQueue(spec, form) ?? '' }
  }
  return undefined
}

export function countPreferred({ spec }: Worker, { form }: Fit): number {
  return form.labels.prefer.filter((label) => spec.traits?.labels.has(label) === true).length
}

/** The hosts that come nearest to doing it, each with what it lacks: `"box" lacks the label "gpu"`. */
export function describeNearestMiss(workers: readonly Worker[], job: ScheduledJob): string {
  const misses = workers
    .filter(({ spec }) => spec.cluster === job.cluster)
    .map(({ spec }) => {
      const [first = [], ...others] = job.forms.map((form) => findObstacles(spec, job, form))
      // Of forms that miss as little the last one tells most: software, which every host could have.
      return { spec, obstacles: others.reduce((least, next) => (next.length <= least.length ? next : least), first) }
    })
    .filter(({ obstacles }) => obstacles.length > 0)
  const least = Math.min(...misses.map(({ obstacles }) => obstacles.length))
  const nearest = misses.filter(({ obstacles }) => obstacles.length === least)
  const more = nearest.length - MAX_TOLD
  const told = nearest.slice(0, MAX_TOLD).map(({ spec, obstacles }) => `"${spec.name}" ${obstacles.join(' and ')}`)
  return [...told, ...(more > 0 ? [`${more} more likewise`] : [])].join('; ')
}

const MAX_TOLD = 3

function findObstacles(spec: WorkerSpec, job: ScheduledJob, form: JobForm): readonly string[] {
  const obstacles: string[] = []
  if (spec.profiles?.includes(job.profile) === false) obstacles.push(`does not take the profile "${job.profile}"`)
  if (findQueue(spec, form) === undefined) obstacles.push(`has no queue ${quoteAll(form.queues, 'or')}`)
  const { traits } = spec
  if (traits === undefined) return obstacles
  for (const need of form.needs) {
    const lack = traits.lacks(need)
    if (lack !== undefined) obstacles.push(lack)
  }
  const { require, any } = form.labels
  const missing = require.filter((label) => !traits.labels.has(label))
  if (missing.length > 0) obstacles.push(`lacks the ${missing.length === 1 ? 'label' : 'labels'} ${quoteAll(missing, 'and')}`)
  if (any.length > 0 && !any.some((label) => traits.labels.has(label))) obstacles.push(`has none of the labels ${quoteAll(any, 'and')}`)
  return obstacles
}

function findQueue({ queues }: WorkerSpec, form: JobForm): string | undefined {
  return queues === undefined ? form.queues[0] : form.queues.find((queue) => (queues[queue] ?? 0) > 0)
}
