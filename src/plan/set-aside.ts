/** Files that a run meets and that are no work of their own: results of an earlier run, and second names of one file. */

import { isSameTime } from '../core/same-time.ts'
import type { JobPlan } from '../model/plan.ts'
import type { FoundSource } from './find-sources.ts'
import type { AnySource } from './group-sources.ts'
import type { PlanOptions } from './plan-options.ts'
import type { MarkedJob } from './refuse-clashes.ts'

/**
 * Names of results → their sources: the first in the order of the sources, in whatever order they were looked into.
 * @param results sources → the names of their results.
 */
export function findMakers(sources: readonly AnySource[], results: ReadonlyMap<AnySource, string>): ReadonlyMap<string, string> {
  const makers = new Map<string, string>()
  for (const source of sources) {
    const result = results.get(source)
    if (result !== undefined && !makers.has(result)) makers.set(result, source.path)
  }
  return makers
}

/**
 * With `-k` a result stands beside its source, where the next run finds it. Gives that source. A file that is named itself is meant.
 * @param makers names of results → their sources.
 */
export function findSourceOfResult(found: AnySource | undefined, makers: ReadonlyMap<string, string>): string | undefined {
  if (found?.kind !== 'source' || found.root === undefined) return undefined
  const source = makers.get(found.path)
  return source === found.path ? undefined : source
}

/**
 * A call that is repeated, after Ctrl-C or for the films that have come since, meets what it has made: with the same profile that would only
 * lose quality. Gives why it is left alone. A file that is named itself is meant.
 */
export function describeEarlierResult(plan: JobPlan, { root, path }: FoundSource, find: PlanOptions['findResult']): string | undefined {
  if (root === undefined || !plan.replacesSource) return undefined
  const made = find?.(path)
  if (made === undefined || made.profile !== plan.profile.name) return undefined
  if (made.sizeBytes !== plan.source.sizeBytes || !isSameTime(made.mtimeMs, plan.source.mtimeMs)) return undefined
  return `run ${made.runId} made it with "${made.profile}"; to encode it again, name the file itself`
}

/** Jobs whose source is one file with that of an earlier job, by a hard link or another mount → that source. */
export function findSecondNames<Job extends MarkedJob>(jobs: readonly Job[]): ReadonlyMap<Job, string> {
  const first = new Map<string, Job>()
  const second = new Map<Job, string>()
  for (const job of jobs) {
    const [, inode] = job.marks.source
    const known = inode === undefined ? undefined : first.get(inode)
    if (known !== undefined) second.set(job, known.plan.source.path)
    else if (inode !== undefined) first.set(inode, job)
  }
  return second
}
