/**
 * When what is under way on a host will be over, and what that means for one job more: its source is fetched beside the other transfers,
 * it waits for a slot, encodes, and its result is brought back. Times are seconds from now.
 */

import type { Clock } from '../core/clock.ts'
import { foretell, type Task } from './foretell.ts'
import { type ScheduledJob, toFetchBytes } from './job-form.ts'
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
  /** Sources that are under way: what each has still to move, in seconds of the whole link, and when it is due. */
  readonly sources: readonly { readonly leftSeconds: number; readonly dueSeconds: number }[]
  /** What results have that are under way, what sources have, and all that the link has still to do for those who are there. */
  readonly resultSeconds: number
  readonly fetchSeconds: number
  readonly linkSeconds: number
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
    const told = foretell(tasks, (queue) => countUsableSlots(worker, queue))
    const ends = new Map<UnderWay, number>()
    const sources: { leftSeconds: number; dueSeconds: number }[] = []
    let [index, resultSeconds, fetchSeconds, linkSeconds, untilMs] = [0, 0, 0, 0, Number.POSITIVE_INFINITY]
    for (const attempt of worker.underWay) {
      const task = tasks[index]
      if (task === undefined) break
      ends.set(attempt, told.ends[index] ?? 0)
      if (task.phase === 'leaving') resultSeconds += task.returnSeconds
      if (task.fetchSeconds > 0) sources.push({ leftSeconds: task.fetchSeconds, dueSeconds: task.dueSeconds ?? 0 })
      fetchSeconds += task.fetchSeconds
      linkSeconds += task.fetchSeconds + task.returnSeconds
      if (task.phase === 'encoding') untilMs = Math.min(untilMs, madeMs + task.encodeSeconds * 1000)
      // As late as it is, it is expected to be later still with each moment.
      if (task.phase === 'coming' && isOverdue(attempt, task)) untilMs = madeMs
      index += 1
    }
    for (const slots of told.free.values()) slots.sort((a, b) => a - b)
    return { madeMs, untilMs, sources, resultSeconds, fetchSeconds, linkSeconds, free: new Map(told.free), firstFree: new Map(), ends }
  }

  /** What is under way there, in that order. */
  function listTasks(worker: Worker): Task[] {
    const nowMs = clock.now()
    worker.link.look(nowMs)
    return [...worker.underWay].map((attempt) => {
      const { phase, queue, job, crossing } = attempt
      const dueSeconds = crossing === undefined ? 0 : toDueSeconds(crossing) - nowMs / 1000
      const task = { phase, queue, fetchSeconds: 0, encodeSeconds: 0, returnSeconds: returnSeconds(worker, job), dueSeconds }
      if (phase === 'leaving') return { ...task, returnSeconds: Math.max(0, task.returnSeconds - (crossing?.hadSeconds ?? 0)) }
      if (phase === 'encoding') return { ...task, encodeSeconds: encodeLeft(worker, attempt, nowMs) }
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job) ?? 0
      if (phase === 'waiting') return { ...task, encodeSeconds }
      const link = speeds.linkOf(worker.spec)
      // Of a link that nobody knows the time that has passed is all that is known: as much again.
      if (link === Number.POSITIVE_INFINITY) return { ...task, encodeSeconds, arrivesSeconds: (nowMs - attempt.sinceMs) / 1000 }
      const hadSeconds = crossing?.hadSeconds ?? 0
      return { ...task, encodeSeconds, fetchSeconds: Math.max(toFetchBytes(job) / link - hadSeconds, hadSeconds * OVERRUN_SHARE) }
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

  function returnSeconds(worker: Worker, job: TimedJob): number {
    return ((job.transferBytes ?? 0) - toFetchBytes(job)) / speeds.linkOf(worker.spec)
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
      const link = speeds.linkOf(worker.spec)
      const up = secondsToUp(worker, clock.now())
      const free = Math.max(up, findFirstFree(page, worker, queue) - passed)
      if (link === Number.POSITIVE_INFINITY) return free + encodeSeconds
      const encoded = Math.max(up + findArrival(page, toFetchBytes(job) / link, passed), free) + encodeSeconds
      // What is there before it uses the link, too, until it ends.
      return Math.max(encoded + returnSeconds(worker, job), linkLeft(page, passed) + (job.transferBytes ?? 0) / link)
    },
    foresee(worker, queue, job) {
      const encodeSeconds = speeds.encodeSeconds(worker.spec, job)
      if (encodeSeconds === undefined) return undefined
      const page = pageOf(worker)
      const passed = secondsSince(page)
      const freeSeconds = Math.max(0, findFirstFree(page, worker, queue) - passed)
      const fetchSeconds = toFetchBytes(job) / speeds.linkOf(worker.spec)
      if (fetchSeconds === 0) return { endSeconds: freeSeconds + encodeSeconds, freeSeconds, takesSeconds: freeSeconds }
      const own: Task = { phase: 'coming', queue, fetchSeconds, encodeSeconds, returnSeconds: returnSeconds(worker, job) }
      const tasks = listTasks(worker)
      const { takes, ends } = foretell([...tasks, own], (name) => countUsableSlots(worker, name))
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
function findArrival({ sources, resultSeconds }: Page, own: number, passedSeconds: number): number {
  let seconds = 0
  for (const { leftSeconds, dueSeconds } of sources) if (dueSeconds <= passedSeconds + own) seconds += leftSeconds
  const areBoth = sources.length > 0 && resultSeconds > 0
  const movedSeconds = areBoth ? passedSeconds / 2 : passedSeconds
  const left = own + Math.max(0, seconds - movedSeconds)
  return left + Math.max(0, Math.min(left, resultSeconds - movedSeconds))
}

function linkLeft({ sources, resultSeconds, linkSeconds }: Page, passedSeconds: number): number {
  return Math.max(0, linkSeconds - (sources.length > 0 || resultSeconds > 0 ? passedSeconds : 0))
}
