/** Waiting jobs, those of equal needs in one lane: where its first job finds no slot, none of the others does, however many there are. */

import { type JobForm, type ScheduledJob, toFetchBytes } from './job-form.ts'
import type { UnderWay, Worker } from './worker.ts'

export interface Entry<Job extends ScheduledJob> {
  readonly job: Job
  readonly lane: Lane<Job>
  /** Place in the order in which jobs were added, over all lanes. */
  readonly order: number
  /** After so many starts of other jobs it goes first: those that were added after it overtake it that often and no more. */
  readonly dueStart: number
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
  /** Attempts that have not ended: one, or two where the second is to be sooner. */
  readonly live: Set<UnderWay>
  /** The attempt whose result is the job's. */
  claimedBy: UnderWay | undefined
  /** It was withdrawn because another host would be sooner; not done twice, so that it ends somewhere. */
  wasMoved: boolean
  /** A second attempt was begun beside one that needs longer. */
  wasCopied: boolean
}

/** Jobs that any host can do or cannot do alike, and at the same speed for the same work. */
export interface Lane<Job extends ScheduledJob> {
  /** One of its jobs. */
  readonly sample: Job
  /** In the order of the lanes. */
  readonly entries: readonly Entry<Job>[]
  /** Sums over those that wait. */
  readonly work: number
  readonly transferBytes: number
  readonly fetchBytes: number
}

/** `longest`: most work first; of equal ones, and with `oldest` of all, the one that was added first. */
export type LaneOrder = 'oldest' | 'longest'

/** `full`: no other job of its lane either. `atMost`: none of its lane with more work. */
export type Verdict = 'take' | 'next' | 'full' | { readonly atMost: number }

export interface Lanes<Job extends ScheduledJob> {
  push(jobs: readonly Job[]): void
  /** Back to its place, in front of those that were added after it. */
  putBack(entry: Entry<Job>): void
  /** Takes out and gives the first entry that `take` wants; the lane whose first one comes first by `compare` is asked first. */
  takeFirst(take: (entry: Entry<Job>) => Verdict, compare?: (a: Entry<Job>, b: Entry<Job>) => number): Entry<Job> | undefined
  /** Takes one out that is about to start. */
  take(entry: Entry<Job>): void
  remove(entry: Entry<Job>): void
  /** Those in which jobs wait. */
  listOpen(): readonly Lane<Job>[]
  order: LaneOrder
  readonly size: number
  list(): readonly Entry<Job>[]
}

interface OpenLane<Job extends ScheduledJob> extends Lane<Job> {
  readonly entries: Entry<Job>[]
  work: number
  transferBytes: number
  fetchBytes: number
}

export function createLanes<Job extends ScheduledJob>(): Lanes<Job> {
  const lanes = new Map<string, OpenLane<Job>>()
  /** By `order`; undefined where it does not wait. */
  const byAge: (Entry<Job> | undefined)[] = []
  let oldest = 0
  let starts = 0
  let size = 0
  let order: LaneOrder = 'oldest'

  function laneOf(job: Job): OpenLane<Job> {
    const key = JSON.stringify([job.cluster, job.profile, job.sizeClass, job.forms])
    const known = lanes.get(key)
    if (known !== undefined) return known
    const lane: OpenLane<Job> = { sample: job, entries: [], work: 0, transferBytes: 0, fetchBytes: 0 }
    lanes.set(key, lane)
    return lane
  }

  function compareEntries(a: Entry<Job>, b: Entry<Job>): number {
    return (order === 'longest' ? b.job.work - a.job.work : 0) || a.order - b.order
  }

  function count(entry: Entry<Job>, sign: 1 | -1): void {
    const lane = entry.lane as OpenLane<Job>
    const isEmpty = lane.entries.length === 0
    lane.work = isEmpty ? 0 : lane.work + sign * entry.job.work
    lane.transferBytes = isEmpty ? 0 : lane.transferBytes + sign * (entry.job.transferBytes ?? 0)
    lane.fetchBytes = isEmpty ? 0 : lane.fetchBytes + sign * toFetchBytes(entry.job)
    byAge[entry.order] = sign === 1 ? entry : undefined
    size += sign
  }

  /** The oldest one, when it was overtaken often enough. */
  function findOverdue(): Entry<Job> | undefined {
    while (oldest < byAge.length && byAge[oldest] === undefined) oldest += 1
    const entry = byAge[oldest]
    return entry !== undefined && starts > entry.dueStart ? entry : undefined
  }

  function remove(entry: Entry<Job>): void {
    const { entries } = entry.lane as OpenLane<Job>
    entries.splice(
      findPlace(entries, (other) => compareEntries(other, entry) >= 0),
      1,
    )
    count(entry, -1)
  }

  function take(entry: Entry<Job>): Entry<Job> {
    remove(entry)
    starts += 1
    return entry
  }

  return {
    push(jobs) {
      const touched = new Set<OpenLane<Job>>()
      const dueStart = starts + size + jobs.length
      for (const job of jobs) {
        const lane = laneOf(job)
        const entry = createEntry(job, lane, byAge.length, dueStart)
        lane.entries.push(entry)
        count(entry, 1)
        touched.add(lane)
      }
      for (const lane of touched) lane.entries.sort(compareEntries)
    },
    putBack(entry) {
      const { entries } = entry.lane as OpenLane<Job>
      entries.splice(
        findPlace(entries, (other) => compareEntries(other, entry) > 0),
        0,
        entry,
      )
      count(entry, 1)
      oldest = Math.min(oldest, entry.order)
    },
    takeFirst(judge, compare = (a, b) => a.order - b.order) {
      const overdue = order === 'longest' ? findOverdue() : undefined
      if (overdue !== undefined && judge(overdue) === 'take') return take(overdue)
      const open = [...lanes.values()].map(({ entries }) => ({ entries, at: 0 }))
      for (;;) {
        let first: { readonly entry: Entry<Job>; readonly cursor: (typeof open)[number] } | undefined
        for (const cursor of open) {
          const entry = cursor.entries[cursor.at]
          if (entry !== undefined && (first === undefined || compare(entry, first.entry) < 0)) first = { entry, cursor }
        }
        if (first === undefined) return undefined
        const { entry, cursor } = first
        const verdict = judge(entry)
        if (verdict === 'take') return take(entry)
        if (verdict === 'full') cursor.at = cursor.entries.length
        else if (verdict === 'next') cursor.at += 1
        else
          cursor.at = Math.max(
            cursor.at + 1,
            findPlace(cursor.entries, ({ job }) => job.work <= verdict.atMost),
          )
      }
    },
    take,
    remove,
    listOpen: () => [...lanes.values()].filter(({ entries }) => entries.length > 0),
    get order() {
      return order
    },
    set order(wanted) {
      if (wanted === order) return
      order = wanted
      for (const { entries } of lanes.values()) entries.sort(compareEntries)
    },
    get size() {
      return size
    },
    list: () => [...lanes.values()].flatMap(({ entries }) => entries).sort((a, b) => a.order - b.order),
  }
}

/** Of a lane that has the longest first: the shortest one, of equal ones the oldest. */
export function firstOfShortest<Job extends ScheduledJob>({ entries }: Lane<Job>): Entry<Job> | undefined {
  const least = entries.at(-1)?.job.work ?? 0
  return entries[findPlace(entries, ({ job }) => job.work <= least)]
}

function createEntry<Job extends ScheduledJob>(job: Job, lane: Lane<Job>, order: number, dueStart: number): Entry<Job> {
  return {
    ...{ job, lane, order, dueStart },
    attempts: 0,
    losses: 0,
    failedOn: new Map(),
    faults: new Set(),
    barred: new Map(),
    fullDisks: new Map(),
    stayOn: undefined,
    live: new Set(),
    claimedBy: undefined,
    wasMoved: false,
    wasCopied: false,
  }
}

/** The index of the first of which `isBehind` is true, where it is true of all that follow. */
function findPlace<T>(sorted: readonly T[], isBehind: (item: T) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const item = sorted[middle]
    if (item !== undefined && isBehind(item)) high = middle
    else low = middle + 1
  }
  return low
}
