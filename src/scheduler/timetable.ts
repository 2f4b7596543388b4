/**
 * When what is under way on a host will be over, and what that means for one job more: its source is fetched beside the other transfers,
 * it waits for a slot, encodes, and its result is brought back. Times are seconds from now.
 */

import type { Clock } from '../core/clock.ts'
import { type ScheduledJob, toFetchBytes } from './job-form.ts'
import type { Speeds } from './speeds.ts'
import { countUsableSlots, type UnderWay, type Worker } from './worker.ts'

export type TimedJob = Pick<ScheduledJob, 'profile' | 'sizeClass' | 'work' | 'transferBytes' | 'fetchBytes'>

export interface Timetable {
  /** When a job will be over that is placed there now; undefined where nothing is known of any host. */
  endOfNew(worker: Worker, queue: string, job: TimedJob): number | undefined
  /** The same of an attempt there. */
  endOf(worker: Worker, attempt: UnderWay): number | undefined
  /** When each slot of a queue is free for jobs that are not there yet. */
  listFree(worker: Worker, queue: string): readonly number[]
  /** Something began or ended, or more is known of it: what was found out before is void. */
  forget(worker: Worker): void
}

/** What is known of one worker at one moment. */
interface Page {
  readonly madeMs: number
  /** What each transfer that is under way has still to move, in seconds of the whole link. */
  readonly crossing: readonly number[]
  readonly free: Map<string, readonly number[]>
  readonly encodeEnds: Map<UnderWay, number>
}

/** A job that takes longer than expected is expected to take this share more of what it has taken by then. */
const OVERRUN_SHARE = 0.1

export function createTimetable(speeds: Speeds, clock: Pick<Clock, 'now'>): Timetable {
  const pages = new WeakMap<Worker, Page>()

  function pageOf(worker: Worker): Page {
    const known = pages.get(worker)
    if (known?.madeMs === clock.now()) return known
    const made = makePage(worker)
    pages.set(worker, made)
    return made
  }

  function makePage(worker: Worker): Page {
    const nowMs = clock.now()
    const moved = worker.link.shareSeconds(nowMs)
    const link = speeds.linkOf(worker.spec)
    const page: Page = { madeMs: nowMs, crossing: listCrossing(worker, link, moved), free: new Map(), encodeEnds: new Map() }
    const slots = new Map<string, number[]>()
    const unstarted: { readonly attempt: UnderWay; readonly readySeconds: number }[] = []
    for (const attempt of worker.underWay) {
      if (attempt.phase === 'encoding') {
        const seconds = encodeLeft(worker, attempt, nowMs)
        page.encodeEnds.set(attempt, seconds)
        slots.set(attempt.queue, [...(slots.get(attempt.queue) ?? []), seconds])
      } else if (attempt.phase === 'waiting') unstarted.push({ attempt, readySeconds: 0 })
      else if (attempt.phase === 'coming') {
        const left = Math.max(0, toFetchBytes(attempt.job) / link - (moved - attempt.linkShareSeconds))
        unstarted.push({ attempt, readySeconds: shareOut(page.crossing, left) })
      }
    }
    unstarted.sort((a, b) => a.readySeconds - b.readySeconds)
    for (const { attempt, readySeconds } of unstarted) {
      const seconds = takeSlot(fillUp(worker, attempt.queue, slots), readySeconds, speeds.encodeSeconds(worker.spec, attempt.job) ?? 0)
      page.encodeEnds.set(attempt, seconds)
    }
    for (const [queue, free] of slots) page.free.set(queue, fillUp(worker, queue, slots, free))
    return page
  }

  function encodeLeft(worker: Worker, { job, sinceMs, endsMs }: UnderWay, nowMs: number): number {
    const expectedMs = (speeds.encodeSeconds(worker.spec, job) ?? 0) * 1000
    return Math.max((endsMs ?? sinceMs + expectedMs) - nowMs, (nowMs - sinceMs) * OVERRUN_SHARE) / 1000
  }

  function returnSeconds(worker: Worker, job: TimedJob): number {
    return ((job.transferBytes ?? 0) - toFetchBytes(job)) / speeds.linkOf(worker.spec)
  }

  function listFree(worker: Worker, queue: string): readonly number[] {
    const { free } = pageOf(worker)
    const known = free.get(queue)
    if (known !== undefined) return known
    const made = fillUp(worker, queue, new Map())
    free.set(queue, made)
    return made
  }

  return {
    endOfNew(worker, queue, job) {
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job)
      if (encodeSeconds === undefined) return undefined
      const ready = shareOut(pageOf(worker).crossing, toFetchBytes(job) / speeds.linkOf(worker.spec), true)
      return Math.max(ready, least(listFree(worker, queue))) + encodeSeconds + returnSeconds(worker, job)
    },
    endOf(worker, attempt) {
      const encoded = pageOf(worker).encodeEnds.get(attempt)
      return encoded === undefined ? undefined : encoded + returnSeconds(worker, attempt.job)
    },
    listFree,
    forget(worker) {
      pages.delete(worker)
    },
  }
}

function listCrossing(worker: Worker, link: number, moved: number): readonly number[] {
  const crossing: number[] = []
  for (const { phase, job, linkShareSeconds } of worker.underWay) {
    if (phase !== 'coming' && phase !== 'leaving') continue
    const bytes = phase === 'coming' ? toFetchBytes(job) : (job.transferBytes ?? 0) - toFetchBytes(job)
    const left = bytes / link - (moved - linkShareSeconds)
    if (left > 0) crossing.push(left)
  }
  return crossing
}

/** When one of several transfers that share a link evenly is over; `isMore`: it is not among them yet. */
function shareOut(crossing: readonly number[], own: number, isMore = false): number {
  let seconds = isMore ? own : 0
  for (const left of crossing) seconds += Math.min(left, own)
  return seconds
}

/** Slots that nobody has are free now. */
function fillUp(worker: Worker, queue: string, slots: Map<string, number[]>, taken = slots.get(queue) ?? []): number[] {
  for (let missing = countUsableSlots(worker, queue) - taken.length; missing > 0; missing -= 1) taken.push(0)
  slots.set(queue, taken)
  return taken
}

/** Takes the slot that is free first; gives when the job has encoded. */
function takeSlot(slots: number[], readySeconds: number, encodeSeconds: number): number {
  let first = 0
  for (const [index, free] of slots.entries()) if (free < (slots[first] ?? 0)) first = index
  const end = Math.max(slots[first] ?? 0, readySeconds) + encodeSeconds
  slots[first] = end
  return end
}

function least(values: readonly number[]): number {
  let smallest = Number.POSITIVE_INFINITY
  for (const value of values) smallest = Math.min(smallest, value)
  return smallest
}
