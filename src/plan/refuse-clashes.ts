/**
 * Jobs of one run that would get into each other's way: two that make one result, and one whose result would fall on another's source.
 * Files are told apart by what they are, not by how they are written: folders have other names through links, and some filesystems do not
 * tell letter cases.
 */

import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { JobPlan } from '../model/plan.ts'

/** All that a job's source and result can be recognized by. */
export interface JobMarks {
  readonly source: readonly string[]
  readonly output: readonly string[]
}

export interface MarkedJob {
  readonly plan: JobPlan
  readonly marks: JobMarks
}

export async function markJob({ source, output }: JobPlan): Promise<JobMarks> {
  const [sourceMarks, outputMarks] = await Promise.all([mark(source.path), mark(output)])
  return { source: sourceMarks, output: outputMarks }
}

/**
 * Jobs that must not start → why.
 * @param claimed marks of results that earlier jobs of the run make → their sources; what is accepted here is added.
 */
export function refuseClashes<Job extends MarkedJob>(jobs: readonly Job[], claimed: Map<string, string>): ReadonlyMap<Job, string> {
  const refused = new Map<Job, string>()
  const makers = new Map<string, Job>()
  const sources = new Map(jobs.flatMap((job) => job.marks.source.map((sign) => [sign, job] as const)))
  for (const job of jobs) {
    const { output } = job.plan
    for (const sign of job.marks.output) {
      const earlierSource = claimed.get(sign)
      const rival = makers.get(sign)
      const victim = sources.get(sign)
      if (earlierSource !== undefined) refused.set(job, describeClash(earlierSource, output))
      else if (rival !== undefined && rival !== job) {
        refused.set(job, describeClash(rival.plan.source.path, output))
        if (!refused.has(rival)) refused.set(rival, describeClash(job.plan.source.path, rival.plan.output))
      } else if (victim !== undefined && victim !== job) refused.set(job, `Its result "${output}" would replace a source of this run`)
      makers.set(sign, rival ?? job)
    }
  }
  for (const job of jobs) if (!refused.has(job)) for (const sign of job.marks.output) claimed.set(sign, job.plan.source.path)
  return refused
}

function describeClash(otherSource: string, output: string): string {
  return `"${otherSource}" would make the same result "${output}"`
}

/** Its real name, and the file itself where there is one. */
async function mark(path: string): Promise<readonly string[]> {
  const name = join(await toRealFolder(dirname(path)), basename(path))
  const file = await lstat(path).catch(() => undefined)
  return file === undefined ? [name] : [name, `${file.dev}:${file.ino}`]
}

/** Also of a folder that is yet to be made. */
async function toRealFolder(folder: string): Promise<string> {
  const parent = dirname(folder)
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  )
  if (isThere || parent === folder) return await realpath(folder).catch(() => folder)
  return join(await toRealFolder(parent), basename(folder))
}
