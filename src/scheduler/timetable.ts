/**
 * When what is under way on a host will be over, and what that means for one job more: its source is fetched beside the other transfers,
 * it waits for a slot, encodes, and its result is brought back. Times are seconds from now.
 */

import type { Clock } from '../core/clock.ts'
import { foretell, type Task } from './foretell.ts'
import type { ScheduledJob } from './job-form.ts'
import { type Link, toBusySeconds, toFetchSeconds, toReturnSeconds } from './link.ts'
import { toDueSeconds } from './link-turns.ts'
import type { Speeds } from './speeds.ts'
import { countUsableSlots, secondsToUp, type UnderWay, type Worker } from './worker.ts'

export type TimedJob = Pick<ScheduledJob, 'profile' | 'sizeClass' | 'work' | 'transferBytes' | 'fetchBytes'>

export interface Timetable {
  /** When a job will be over that is placed there now, told quickly; undefined where nothing is known of any host. */
  endOfNew(worker: Worker, queue: string, job: TimedJob): number | undefined
  /** The same, with what it does to the others there. */
  foresee(worker: Worker, queue: string, job: TimedJob): Foreseen | undefined
  /** When an attempt there will be over. */
  endOf(worker: Worker, attempt: UnderWay): number | undefined
  /** When each slot of a queue is free for jobs that are not there yet, the soonest first. */
  listFree(worker: Worker, queue: string): readonly number[]
  /** How long the link will be busy for all that is there, results included; and for the sources that are on their way. */
  linkSeconds(worker: Worker): number
  fetchSeconds(worker: Worker): number
  /** Something began or ended there, or more is known of it, or of all: what was found out before is void. */
  forget(worker?: Worker): void
}

export interface Foreseen {
  /** When it is over, and whatever is over later than without it. */
  readonly endSeconds: number
  /** When a slot would be free for it, and when it takes that: between, the slot stands idle until its source has come. */
  readonly freeSeconds: number
  readonly takesSeconds: number
}

/** What is known of one worker; seconds since it was made. Until something begins or ends there, only time passes. */
interface Page {
  readonly madeMs: number
  /** When an encode will have taken longer than expected. */
  readonly untilMs: number
  readonly link: Link
  /** Sources that are under way: what each has still to move, in seconds of a way that is alone in use, and when it is due. */
  readonly sources: readonly { readonly leftSeconds: number; readonly dueSeconds: number }[]
  /** What results have still to move that are under way; what sources have; and what results have, also those that are still to be made. */
  readonly resultSeconds: number
  readonly fetchSeconds: number
  readonly returnSeconds: number
  readonly free: Map<string, readonly number[]>
  readonly firstFree: Map<string, number>
  /** In the order in which they are under way. */
  readonly ends: ReadonlyMap<UnderWay, number>
}

/** A job that takes longer than expected is expected to take this share more of what it has taken by then. */
const OVERRUN_SHARE = 0.1

/** By less nothing is made later, but for rounding. */
const LATER_SECONDS = 0.001

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
    const madeMs = clock.now()
    const tasks = listTasks(worker)
    const link = speeds.linkOf(worker.spec)
    const told = foretell(tasks, (queue) => countUsableSlots(worker, queue), link)
    const ends = new Map<UnderWay, number>()
    const sources: { leftSeconds: number; dueSeconds: number }[] = []
    let [index, resultSeconds, fetchSeconds, returnSeconds, untilMs] = [0, 0, 0, 0, Number.POSITIVE_INFINITY]
    for (const attempt of worker.underWay) {
      const task = tasks[index]
      if (task === undefined) break
      ends.set(attempt, told.ends[index] ?? 0)
      if (task.phase === 'leaving') resultSeconds += task.returnSeconds
      if (task.fetchSeconds > 0) sources.push({ leftSeconds: task.fetchSeconds, dueSeconds: task.dueSeconds ?? 0 })
      fetchSeconds += task.fetchSeconds
      returnSeconds += task.returnSeconds
      if (task.phase === 'encoding') untilMs = Math.min(untilMs, madeMs + task.encodeSeconds * 1000)
      // As late as it is, it is expected to be later still with each moment.
      if (task.phase === 'coming' && isOverdue(attempt, task)) untilMs = madeMs
      index += 1
    }
    for (const slots of told.free.values()) slots.sort((a, b) => a - b)
    const free = new Map(told.free)
    return { madeMs, untilMs, link, sources, resultSeconds, fetchSeconds, returnSeconds, free, firstFree: new Map(), ends }
  }

  /** What is under way there, in that order. */
  function listTasks(worker: Worker): Task[] {
    const nowMs = clock.now()
    const link = speeds.linkOf(worker.spec)
    worker.link.look(nowMs)
    return [...worker.underWay].map((attempt) => {
      const { phase, queue, job, crossing } = attempt
      const dueSeconds = crossing === undefined ? 0 : toDueSeconds(crossing) - nowMs / 1000
      const task = { phase, queue, fetchSeconds: 0, encodeSeconds: 0, returnSeconds: toReturnSeconds(job, link), dueSeconds }
      if (phase === 'leaving') return { ...task, returnSeconds: Math.max(0, task.returnSeconds - (crossing?.hadSeconds ?? 0)) }
      if (phase === 'encoding') return { ...task, encodeSeconds: encodeLeft(worker, attempt, nowMs) }
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job) ?? 0
      if (phase === 'waiting') return { ...task, encodeSeconds }
      // Of a link that nobody knows the time that has passed is all that is known: as much again.
      if (link.bytesPerSecond === Number.POSITIVE_INFINITY)
        return { ...task, encodeSeconds, arrivesSeconds: (nowMs - attempt.sinceMs) / 1000 }
      const hadSeconds = crossing?.hadSeconds ?? 0
      return { ...task, encodeSeconds, fetchSeconds: Math.max(toFetchSeconds(job, link) - hadSeconds, hadSeconds * OVERRUN_SHARE) }
    })
  }

  function isOverdue({ crossing }: UnderWay, { fetchSeconds, arrivesSeconds }: Task): boolean {
    return arrivesSeconds !== undefined || fetchSeconds <= (crossing?.hadSeconds ?? 0) * OVERRUN_SHARE
  }

  /** What is left at least of what has taken so long. */
  function overdueSeconds({ sinceMs }: UnderWay, nowMs: number): number {
    return ((nowMs - sinceMs) / 1000) * OVERRUN_SHARE
  }

  function encodeLeft(worker: Worker, attempt: UnderWay, nowMs: number): number {
    const { job, sinceMs, endsMs } = attempt
    const expectedMs = (speeds.encodeSeconds(worker.spec, job) ?? 0) * 1000
    return Math.max(((endsMs ?? sinceMs + expectedMs) - nowMs) / 1000, overdueSeconds(attempt, nowMs))
  }

  function secondsSince({ madeMs }: Page): number {
    return (clock.now() - madeMs) / 1000
  }

  function listFree(page: Page, worker: Worker, queue: string): readonly number[] {
    const known = page.free.get(queue)
    if (known !== undefined) return known
    const made = Array<number>(Math.max(0, countUsableSlots(worker, queue))).fill(0)
    page.free.set(queue, made)
    return made
  }

  function findFirstFree(page: Page, worker: Worker, queue: string): number {
    const known = page.firstFree.get(queue)
    if (known !== undefined) return known
    const first = listFree(page, worker, queue)[0] ?? Number.POSITIVE_INFINITY
    page.firstFree.set(queue, first)
    return first
  }

  return {
    endOfNew(worker, queue, job) {
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job)
      if (encodeSeconds === undefined) return undefined
      const page = pageOf(worker)
      const passed = secondsSince(page)
      const { link } = page
      const up = secondsToUp(worker, clock.now())
      const free = Math.max(up, findFirstFree(page, worker, queue) - passed)
      if (link.bytesPerSecond === Number.POSITIVE_INFINITY) return free + encodeSeconds
      const [fetchSeconds, returnSeconds] = [toFetchSeconds(job, link), toReturnSeconds(job, link)]
      const encoded = Math.max(up + findArrival(page, fetchSeconds, passed), free) + encodeSeconds
      // What is there before it uses the link, too, until it ends.
      return Math.max(encoded + returnSeconds, linkLeft(page, passed, { fetchSeconds, returnSeconds }))
    },
    foresee(worker, queue, job) {
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job)
      if (encodeSeconds === undefined) return undefined
      const page = pageOf(worker)
      const passed = secondsSince(page)
      const freeSeconds = Math.max(0, findFirstFree(page, worker, queue) - passed)
      const fetchSeconds = toFetchSeconds(job, page.link)
      if (fetchSeconds === 0) return { endSeconds: freeSeconds + encodeSeconds, freeSeconds, takesSeconds: freeSeconds }
      const own: Task = { phase: 'coming', queue, fetchSeconds, encodeSeconds, returnSeconds: toReturnSeconds(job, page.link) }
      const tasks = listTasks(worker)
      const { takes, ends } = foretell([...tasks, own], (name) => countUsableSlots(worker, name), page.link)
      let endSeconds = ends[tasks.length] ?? 0
      let index = 0
      for (const before of page.ends.values()) {
        const end = ends[index] ?? 0
        if (end > before - passed + LATER_SECONDS) endSeconds = Math.max(endSeconds, end)
        index += 1
      }
      return { endSeconds, freeSeconds, takesSeconds: takes[tasks.length] ?? 0 }
    },
    endOf(worker, attempt) {
      const page = pageOf(worker)
      const end = page.ends.get(attempt)
      return end === undefined ? undefined : end - secondsSince(page)
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
      else {
        pages.delete(worker)
        worker.changes += 1
      }
    },
  }
}

/** When a source arrives that sets out now, while those before it have had the link for some seconds. */
function findArrival({ link, sources, resultSeconds }: Page, own: number, passedSeconds: number): number {
  let seconds = 0
  for (const { leftSeconds, dueSeconds } of sources) if (dueSeconds <= passedSeconds + own) seconds += leftSeconds
  const areBoth = sources.length > 0 && resultSeconds > 0
  const movedSeconds = areBoth ? passedSeconds * link.bothRatio : passedSeconds
  const left = own + Math.max(0, seconds - movedSeconds)
  // Results that are still on their way then make nothing later.
  return toBusySeconds(left, Math.min(left, Math.max(0, resultSeconds - movedSeconds)), link)
}

/** For how long the link is busy with all that is there, and with one job more. */
function linkLeft(page: Page, passedSeconds: number, more = { fetchSeconds: 0, returnSeconds: 0 }): number {
  const { link, sources, resultSeconds, fetchSeconds, returnSeconds } = page
  const busySeconds = toBusySeconds(fetchSeconds + more.fetchSeconds, returnSeconds + more.returnSeconds, link)
  const movedSeconds = sources.length > 0 || resultSeconds > 0 ? passedSeconds : 0
  return Math.max(toBusySeconds(more.fetchSeconds, more.returnSeconds, link), busySeconds - movedSeconds)
}
