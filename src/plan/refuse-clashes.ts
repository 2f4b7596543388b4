/**
 * Jobs of one run that would get into each other's way: two that make one result, and one whose result would fall on another's source.
 * Files are told apart by what they are, not by how they are written: folders have other names through links, and some filesystems do not
 * tell letter cases.
 */

import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { JobPlan } from '../model/plan.ts'

/** What a job's source and result can be recognized by: the real name first; then the file itself, where there is one at this moment. */
export interface JobMarks {
  readonly source: Marks
  readonly output: Marks
}

type Marks = readonly [name: string, ...inode: string[]]

export interface MarkedJob {
  readonly plan: JobPlan
  readonly marks: JobMarks
}

export async function markJob({ source, output }: JobPlan): Promise<JobMarks> {
  const [sourceMarks, outputMarks] = await Promise.all([mark(source.path), output === source.path ? undefined : mark(output)])
  return { source: sourceMarks, output: outputMarks ?? sourceMarks }
}

/**
 * Jobs that must not start → why.
 * @param claimed names of results that earlier calls have accepted → their sources; what is accepted here is added. Names alone: once
 * a file was replaced, another one may be given its inode.
 */
export function refuseClashes<Job extends MarkedJob>(jobs: readonly Job[], claimed: Map<string, string>): ReadonlyMap<Job, string> {
  const refused = new Map<Job, string>()
  const makers = new Map<string, Job>()
  const sources = new Map(jobs.flatMap((job) => job.marks.source.map((sign) => [sign, job] as const)))
  for (const job of jobs) {
    const { output, source } = job.plan
    const earlierSource = findEarlier(job, claimed)
    if (earlierSource !== undefined) {
      const isSame = earlierSource === source.path
      refused.set(job, isSame ? 'It was taken up in this run already' : describeClash(earlierSource, output))
      continue
    }
    for (const sign of job.marks.output) {
      const rival = makers.get(sign)
      const victim = sources.get(sign)
      if (rival !== undefined && rival !== job) {
        refused.set(job, describeClash(rival.plan.source.path, output))
        if (!refused.has(rival)) refused.set(rival, describeClash(job.plan.source.path, rival.plan.output))
      } else if (victim !== undefined && victim !== job) refused.set(job, `Its result "${output}" would replace a source of this run`)
      makers.set(sign, rival ?? job)
    }
  }
  for (const job of jobs) {
    const [name] = job.marks.output
    if (!refused.has(job)) for (const key of [name, toCaseless(name)]) claimed.set(key, job.plan.source.path)
  }
  return refused
}

/** Where a file would be replaced it may be that very result, under a name that differs in letter case only. */
function findEarlier({ plan, marks }: MarkedJob, claimed: ReadonlyMap<string, string>): string | undefined {
  const [name] = marks.output
  return claimed.get(name) ?? (plan.mayOverwrite ? claimed.get(toCaseless(name)) : undefined)
}

function toCaseless(name: string): string {
  return `caseless ${name.normalize('NFC').toLowerCase()}`
}

function describeClash(otherSource: string, output: string): string {
  return `"${otherSource}" would make the same result "${output}"`
}

async function mark(path: string): Promise<Marks> {
  const name = join(await toRealFolder(dirname(path)), basename(path))
  const file = await lstat(path, { bigint: true }).catch(() => undefined)
  return file === undefined ? [name] : [name, `${file.dev}:${file.ino}`]
}

/** Also of a folder that is yet to be made. */
async function toRealFolder(folder: string): Promise<string> {
  const real = await realpath(folder).catch(() => undefined)
  if (real !== undefined) return real
  const parent = dirname(folder)
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  )
  return isThere || parent === folder ? folder : join(await toRealFolder(parent), basename(folder))
}
