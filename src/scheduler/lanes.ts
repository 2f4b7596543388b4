/** Waiting jobs, those of equal needs in one lane: where its first job finds no slot, none of the others does, however many there are. */

import type { JobForm, ScheduledJob } from './job-form.ts'
import type { Worker } from './worker.ts'

export interface Entry<Job extends ScheduledJob> {
  readonly job: Job
  /** Place in the order in which jobs were added, over all lanes. */
  readonly order: number
  attempts: number
  /** Hosts that were lost under it. */
  losses: number
  /** Hosts that will not get it again, each with the reason. */
  readonly failedOn: Map<Worker, string>
  /** Those of them that can do such jobs and failed at this one: file or host, one of them is to blame. */
  readonly faults: Set<Worker>
  /** Forms that failed on a host which may do it in another. */
  readonly barred: Map<Worker, Set<JobForm>>
  /** How often the disk filled up under it, by host. */
  readonly fullDisks: Map<Worker, number>
  /** Where it goes on if it can: the host that is about to do it in its next form. */
  stayOn: Worker | undefined
}

export interface Lanes<Job extends ScheduledJob> {
  push(job: Job): void
  /** Back to its place, in front of those that were added after it. */
  putBack(entry: Entry<Job>): void
  /** Takes out and gives the first entry that `take` wants, the oldest lane first; a lane of which it says "full" is not asked on. */
  takeFirst(take: (entry: Entry<Job>) => 'take' | 'next' | 'full'): Entry<Job> | undefined
  readonly size: number
  list(): readonly Entry<Job>[]
}

export function createLanes<Job extends ScheduledJob>(): Lanes<Job> {
  const lanes = new Map<string, Entry<Job>[]>()
  let added = 0
  let size = 0

  function laneOf({ cluster, profile, forms }: Job): Entry<Job>[] {
    const key = JSON.stringify([cluster, profile, forms])
    const lane = lanes.get(key) ?? []
    lanes.set(key, lane)
    return lane
  }

  return {
    push(job) {
      laneOf(job).push({
        job,
        order: added,
        attempts: 0,
        losses: 0,
        failedOn: new Map(),
        faults: new Set(),
        barred: new Map(),
        fullDisks: new Map(),
        stayOn: undefined,
      })
      added += 1
      size += 1
    },
    putBack(entry) {
      const lane = laneOf(entry.job)
      const place = lane.findIndex(({ order }) => order > entry.order)
      lane.splice(place === -1 ? lane.length : place, 0, entry)
      size += 1
    },
    takeFirst(take) {
      const open = [...lanes.values()].filter((lane) => lane.length > 0).sort((a, b) => (a[0]?.order ?? 0) - (b[0]?.order ?? 0))
      for (const lane of open) {
        for (const [index, entry] of lane.entries()) {
          const verdict = take(entry)
          if (verdict === 'full') break
          if (verdict === 'next') continue
          lane.splice(index, 1)
          size -= 1
          return entry
        }
      }
      return undefined
    },
    get size() {
      return size
    },
    list: () => [...lanes.values()].flat().sort((a, b) => a.order - b.order),
  }
}
