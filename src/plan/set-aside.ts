/** Files that a run meets and that are no work of their own: results of an earlier run, and second names of one file. */

import type { FoundSource, RefusedSource } from './find-sources.ts'
import type { MarkedJob } from './refuse-clashes.ts'

/**
 * With `-k` a result stands beside its source, where the next run finds it. Gives that source. A file that is named itself is meant.
 * @param results names of results → their sources.
 */
export function findSourceOfResult(
  found: FoundSource | RefusedSource | undefined,
  results: ReadonlyMap<string, string>,
): string | undefined {
  if (found?.kind !== 'source' || found.root === undefined) return undefined
  const source = results.get(found.path)
  return source === found.path ? undefined : source
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
