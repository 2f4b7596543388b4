/**
 * When what is under way on a host will be over, and what that means for one job more: its source is fetched beside the other transfers,
 * it waits for a slot, encodes, and its result is brought back. Times are seconds from now.
 */

import type { Clock } from '../core/clock.ts'
import { type ScheduledJob, toFetchBytes } from './job-form.ts'
import type { Speeds } from './speeds.ts'
import { countUsableSlots, secondsToUp, type UnderWay, type Worker } from './worker.ts'

export type TimedJob = Pick<ScheduledJob, 'profile' | 'sizeClass' | 'work' | 'transferBytes' | 'fetchBytes'>

export interface Timetable {
  /** When a job will be over that is placed there now; undefined where nothing is known of any host. */
  endOfNew(worker: Worker, queue: string, job: TimedJob): number | undefined
  /** The same of an attempt there. */
  endOf(worker: Worker, attempt: UnderWay): number | undefined
  /** When each slot of a queue is free for jobs that are not there yet. */
  listFree(worker: Worker, queue: string): readonly number[]
  /** How long the link will be busy for all that is there, results included; and for the sources that are on their way. */
  linkSeconds(worker: Worker): number
  fetchSeconds(worker: Worker): number
  /** Something began or ended there, or more is known of it, or of all: what was found out before is void. */
  forget(worker?: Worker): void
}

/** What is known of one worker; seconds since it was made. Until something begins or ends there, only time passes. */
interface Page {
  readonly madeMs: number
  /** When an encode will have taken longer than expected. */
  readonly untilMs: number
  /** What each transfer that is under way has still to move, in seconds of the whole link. */
  readonly crossing: readonly number[]
  /** Of that, what sources have; and all that the link has still to do for those who are there. */
  readonly fetchSeconds: number
  readonly linkSeconds: number
  readonly free: Map<string, readonly number[]>
  readonly firstFree: Map<string, number>
  readonly encodeEnds: Map<UnderWay, number>
}

/** A job that takes longer than expected is expected to take this share more of what it has taken by then. */
const OVERRUN_SHARE = 0.1

export function createTimetable(speeds: Speeds, clock: Pick<Clock, 'now'>): Timetable {
  let pages = new WeakMap<Worker, Page>()

  function pageOf(worker: Worker): Page {
    const known = pages.get(worker)
    const nowMs = clock.now()
    if (known !== undefined && nowMs >= known.madeMs && nowMs < Math.max(known.untilMs, known.madeMs + 1)) return known
    const made = makePage(worker)
    pages.set(worker, made)
    return made
  }

  function makePage(worker: Worker): Page {
    const nowMs = clock.now()
    const moved = worker.link.shareSeconds(nowMs)
    const link = speeds.linkOf(worker.spec)
    const crossing = listCrossing(worker, link, moved)
    const encodeEnds = new Map<UnderWay, number>()
    let nextSeconds = Number.POSITIVE_INFINITY
    let [fetchSeconds, linkSeconds] = [0, crossing.reduce((sum, left) => sum + left, 0)]
    const slots = new Map<string, number[]>()
    const unstarted: { readonly attempt: UnderWay; readonly readySeconds: number }[] = []
    for (const attempt of worker.underWay) {
      if (attempt.phase !== 'leaving') linkSeconds += returnSeconds(worker, attempt.job)
      if (attempt.phase === 'encoding') {
        const seconds = encodeLeft(worker, attempt, nowMs)
        encodeEnds.set(attempt, seconds)
        nextSeconds = Math.min(nextSeconds, seconds)
        slots.set(attempt.queue, [...(slots.get(attempt.queue) ?? []), seconds])
      } else if (attempt.phase === 'waiting') unstarted.push({ attempt, readySeconds: 0 })
      else if (attempt.phase === 'coming') {
        const expected = toFetchBytes(attempt.job) / link - (moved - attempt.linkShareSeconds)
        // Of a link that nobody knows the time that has passed is all that is known: as much again.
        const passed = (nowMs - attempt.sinceMs) / 1000
        const overrun = passed * (link === Number.POSITIVE_INFINITY ? 1 : OVERRUN_SHARE)
        const left = Math.max(expected, overrun)
        if (left === overrun) nextSeconds = 0
        if (link !== Number.POSITIVE_INFINITY) fetchSeconds += left
        unstarted.push({ attempt, readySeconds: Math.max(overrun, shareOut(crossing, left)) })
      }
    }
    unstarted.sort((a, b) => a.readySeconds - b.readySeconds)
    for (const { attempt, readySeconds } of unstarted) {
      const seconds = takeSlot(fillUp(worker, attempt.queue, slots), readySeconds, speeds.encodeSeconds(worker.spec, attempt.job) ?? 0)
      encodeEnds.set(attempt, seconds)
    }
    for (const queue of slots.keys()) fillUp(worker, queue, slots)
    return {
      ...{ madeMs: nowMs, untilMs: nowMs + nextSeconds * 1000, crossing, fetchSeconds, linkSeconds, encodeEnds },
      ...{ free: slots, firstFree: new Map() },
    }
  }

  function encodeLeft(worker: Worker, { job, sinceMs, endsMs }: UnderWay, nowMs: number): number {
    const expectedMs = (speeds.encodeSeconds(worker.spec, job) ?? 0) * 1000
    return Math.max((endsMs ?? sinceMs + expectedMs) - nowMs, (nowMs - sinceMs) * OVERRUN_SHARE) / 1000
  }

  function secondsSince({ madeMs }: Page): number {
    return (clock.now() - madeMs) / 1000
  }

  function returnSeconds(worker: Worker, job: TimedJob): number {
    return ((job.transferBytes ?? 0) - toFetchBytes(job)) / speeds.linkOf(worker.spec)
  }

  function listFree(page: Page, worker: Worker, queue: string): readonly number[] {
    const known = page.free.get(queue)
    if (known !== undefined) return known
    const made = fillUp(worker, queue, new Map())
    page.free.set(queue, made)
    return made
  }

  function findFirstFree(page: Page, worker: Worker, queue: string): number {
    const known = page.firstFree.get(queue)
    if (known !== undefined) return known
    const first = least(listFree(page, worker, queue))
    page.firstFree.set(queue, first)
    return first
  }

  return {
    endOfNew(worker, queue, job) {
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job)
      if (encodeSeconds === undefined) return undefined
      const page = pageOf(worker)
      const passed = secondsSince(page)
      const link = speeds.linkOf(worker.spec)
      const up = secondsToUp(worker, clock.now())
      const free = Math.max(up, findFirstFree(page, worker, queue) - passed)
      if (link === Number.POSITIVE_INFINITY) return free + encodeSeconds
      const encoded = Math.max(up + findArrival(page, toFetchBytes(job) / link, passed), free) + encodeSeconds
      // What is there before it uses the link, too, until it ends.
      return Math.max(encoded + returnSeconds(worker, job), linkLeft(page, passed) + (job.transferBytes ?? 0) / link)
    },
    endOf(worker, attempt) {
      const page = pageOf(worker)
      const encoded = page.encodeEnds.get(attempt)
      return encoded === undefined ? undefined : encoded - secondsSince(page) + returnSeconds(worker, attempt.job)
    },
    listFree(worker, queue) {
      const page = pageOf(worker)
      const passed = secondsSince(page)
      const up = secondsToUp(worker, clock.now())
      return listFree(page, worker, queue).map((seconds) => Math.max(up, seconds - passed))
    },
    linkSeconds(worker) {
      const page = pageOf(worker)
      return linkLeft(page, secondsSince(page))
    },
    fetchSeconds(worker) {
      const page = pageOf(worker)
      return page.fetchSeconds === 0 ? 0 : Math.max(0, page.fetchSeconds - secondsSince(page))
    },
    forget(worker) {
      if (worker === undefined) pages = new WeakMap()
      else pages.delete(worker)
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

/** When one of several transfers that share a link evenly is over. */
function shareOut(crossing: readonly number[], own: number): number {
  let seconds = 0
  for (const left of crossing) seconds += Math.min(left, own)
  return seconds
}

/** The same of one that begins now, while the others have had the link for some seconds. */
function findArrival({ crossing }: Page, own: number, passedSeconds: number): number {
  let seconds = own
  for (const left of crossing) seconds += Math.max(0, Math.min(left - passedSeconds / crossing.length, own))
  return seconds
}

function linkLeft({ crossing, linkSeconds }: Page, passedSeconds: number): number {
  return Math.max(0, linkSeconds - (crossing.length > 0 ? passedSeconds : 0))
}

/** Slots that nobody has are free now. */
function fillUp(worker: Worker, queue: string, slots: Map<string, number[]>): number[] {
  const taken = slots.get(queue) ?? []
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
