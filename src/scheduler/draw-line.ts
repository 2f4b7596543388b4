/** The finish line (finish-line.ts) of all that waits: of each family of lanes that want the same places, and of all of them together. */

import type { Clock } from '../core/clock.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { findArea, findFinish, type Slot, type Waiting } from './finish-line.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Lane, Lanes } from './lanes.ts'
import type { Outlooks, Pace } from './outlooks.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Timetable } from './timetable.ts'
import type { Worker } from './worker.ts'

export interface DrawLineOptions<Job extends ScheduledJob> {
  readonly lanes: Lanes<Job>
  readonly outlooks: Outlooks<Job>
  readonly breaker: CircuitBreaker
  readonly timetable: Timetable
  readonly clock: Clock
  readonly maxRunning: number
}

/** What one place has for a family of lanes. */
interface OwnSlots {
  readonly place: Candidate
  readonly slots: readonly Slot[]
}

/** The function gives seconds from now. */
export function createDrawLine<Job extends ScheduledJob>(options: DrawLineOptions<Job>): () => number {
  const { lanes, outlooks, breaker, timetable, clock, maxRunning } = options
  /** Milliseconds since 1970, by family: where the line was before. */
  const hintsMs = new Map<string, number>()

  return () => {
    const now = clock.now()
    const families = new Map<string, Lane<Job>[]>()
    for (const lane of lanes.listOpen()) {
      const { family } = outlooks.of(lane)
      families.set(family, [...(families.get(family) ?? []), lane])
    }
    let farthest = 0
    for (const [family, members] of families) {
      const hintMs = hintsMs.get(family)
      const seconds = findFinish(toSlots(members), toWaiting(members), hintMs === undefined ? undefined : (hintMs - now) / 1000)
      hintsMs.set(family, now + seconds * 1000)
      farthest = Math.max(farthest, seconds)
    }
    return families.size > 1 ? Math.max(farthest, findSharedFinish([...families.values()])) : farthest
  }

  /** Places that several families want: the area that all of their work needs. The longest jobs were looked at in their families. */
  function findSharedFinish(families: readonly (readonly Lane<Job>[])[]): number {
    const shared = new Map<Worker, Map<string, readonly Slot[]>>()
    let seconds = 0
    for (const members of families) {
      // What no host that is up can do takes nothing of what the others wait for.
      if (members.every((lane) => outlooks.of(lane).places.length === 0)) continue
      seconds += toWaiting(members).total
      for (const { place, slots } of toSlotsByPlace(members)) {
        const ofWorker = shared.get(place.worker) ?? new Map<string, readonly Slot[]>()
        if (!ofWorker.has(place.fit.queue)) shared.set(place.worker, ofWorker.set(place.fit.queue, slots))
      }
    }
    return findArea(
      [...shared.values()].flatMap((ofWorker) => [...ofWorker.values()].flat()),
      seconds,
    )
  }

  /** In seconds on a host of mean speed. */
  function toWaiting(members: readonly Lane<Job>[]): Waiting {
    const waiting = { count: 0, total: 0, longest: 0 }
    for (const lane of members) {
      const { meanSpeed } = outlooks.of(lane)
      waiting.count += lane.entries.length
      waiting.total += lane.work / meanSpeed
      waiting.longest = Math.max(waiting.longest, (lane.entries[0]?.job.work ?? 0) / meanSpeed)
    }
    return { ...waiting, list: () => listWorks(members) }
  }

  function listWorks(members: readonly Lane<Job>[]): readonly number[] {
    const works = members.flatMap((lane) => {
      const { meanSpeed } = outlooks.of(lane)
      return lane.entries.map(({ job }) => job.work / meanSpeed)
    })
    return members.length > 1 ? works.sort((a, b) => b - a) : works
  }

  function toSlots(members: readonly Lane<Job>[]): readonly Slot[] {
    const all = toSlotsByPlace(members).flatMap(({ slots }) => slots)
    if (all.length <= maxRunning) return all
    return all.sort((a, b) => b.speed - a.speed).slice(0, maxRunning)
  }

  function toSlotsByPlace(members: readonly Lane<Job>[]): readonly OwnSlots[] {
    const [first] = members
    if (first === undefined) return []
    const views = members.map((lane) => ({ ...outlooks.of(lane), share: lane.work / outlooks.of(lane).meanSpeed }))
    const shares = views.reduce((sum, { share }) => sum + share, 0)
    const byPlace: OwnSlots[] = []
    for (const [index, place] of outlooks.of(first).places.entries()) {
      if (breaker.stateOf(place.worker) !== 'free' || !outlooks.isCounted(place.worker, first.sample)) continue
      let speed = 0
      for (const { places, meanSpeed, share } of views) speed += ((places[index]?.speed ?? 0) / meanSpeed) * (share / shares)
      byPlace.push({ place, slots: listFree(place).map((freeSeconds) => ({ freeSeconds, speed })) })
    }
    return byPlace
  }

  /**
   * From when each slot does one job after the other without a pause until the line, as it were. What limits the host rests for a while
   * before its first job or after its last one: slots wait for their first sources, one after the other, and the last result has its
   * way back; a link has nothing to do while the last job is encoded.
   */
  function listFree({ worker, fit, isLinkBound, fetchSeconds, encodeSeconds, returnSeconds }: Candidate & Pace): readonly number[] {
    const linkSeconds = timetable.linkSeconds(worker)
    const comingSeconds = fetchSeconds === 0 ? 0 : timetable.fetchSeconds(worker)
    return timetable.listFree(worker, fit.queue).map((seconds, index) => {
      if (isLinkBound) return Math.max(seconds + returnSeconds, linkSeconds + encodeSeconds)
      return Math.max(Math.max(seconds, comingSeconds + (index + 1) * fetchSeconds) + returnSeconds, linkSeconds)
    })
  }
}
