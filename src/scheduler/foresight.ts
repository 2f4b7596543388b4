/**
 * What `fastest` knows beyond the next slot: whether a host would end a job before the whole run could be over anyway (finish-line.ts),
 * which job is the longest, and which hosts nobody knows yet.
 *
 * A job that a free host would end too late waits for a faster one, which is busy. That is a guess about speeds, so it never holds
 * anything up by itself: estimates of jobs that take longer than expected move, and the scheduler starts what waits when nothing runs.
 */

import type { Clock } from '../core/clock.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Candidates } from './find-candidates.ts'
import { findArea, findFinish, type Slot, type Waiting } from './finish-line.ts'
import { type ScheduledJob, toFetchBytes } from './job-form.ts'
import { type Entry, firstOfShortest, type Lane, type Lanes } from './lanes.ts'
import type { Places } from './places.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Speeds } from './speeds.ts'
import type { Timetable } from './timetable.ts'
import { countFreeSlots, countUsableSlots, isComing, type Worker } from './worker.ts'

export interface Foresight<Job extends ScheduledJob> {
  /** Time has passed, or something was started or ended. */
  look(): void
  /** `good`: the host ends it in time. Else the work that it could end in time. */
  judge(entry: Entry<Job>, candidate: Candidate): 'good' | { readonly atMost: number }
  /** Lanes that few hosts can take first, then what takes longest. */
  compare(a: Entry<Job>, b: Entry<Job>): number
  /** The shortest job, for hosts of which nothing is known. */
  findTrial(): { readonly entry: Entry<Job>; readonly on: readonly Candidate[] } | undefined
}

export interface ForesightOptions<Job extends ScheduledJob> {
  readonly lanes: Lanes<Job>
  readonly candidates: Candidates<Job>
  readonly breaker: CircuitBreaker
  readonly speeds: Speeds
  readonly timetable: Timetable
  readonly places: Pick<Places<Job>, 'ahead'>
  readonly clock: Clock
  readonly maxRunning: number
  /** Grows whenever a slot is taken or free. */
  readonly countChanges: () => number
}

/** What a slot does of a lane's jobs, one after the other. */
interface Pace {
  /** Work a second. */
  readonly speed: number
  /** Of one job, on a link that it has for itself. */
  readonly fetchSeconds: number
  readonly returnSeconds: number
}

/** What a lane's jobs are to its hosts. */
interface Outlook {
  /** Places in queues that can take its jobs, each with its speed for this lane. */
  readonly places: readonly (Candidate & Pace)[]
  /** Lanes of the same places share their finish line. */
  readonly family: string
  /** Mean speed of the places: makes seconds of work, which can be compared between lanes. */
  readonly meanSpeed: number
  /** Mean speed times slots: no finish line is nearer than the work divided by it. */
  readonly allSpeed: number
  /** Those of which nothing is known; made anew when that is true of one no longer. */
  readonly untried: readonly Candidate[]
  /** Nothing is known of any host. */
  readonly isGuess: boolean
  readonly version: number
  /** Looks until it is made anew. */
  uses: number
}

/** The finish line, and what it was found from. */
interface Line {
  readonly atMs: number
  readonly foundMs: number
  readonly changes: number
  readonly version: number
  readonly waiting: number
}

/** A finish line holds until this share of the time up to it has passed, or of what waits was started. */
const LINE_PRECISION = 0.005

/** An outlook is made anew after this share of the jobs of its lane was placed. */
const STALE_SHARE = 0.02

/**
 * What an estimate may be wrong by without a job becoming the last one to end: a slow host gets nothing that it could only just end in
 * time. Found by simulation (bench/simulate-placement.ts): a tenth is too little where estimates are up to a fifth off.
 */
const MARGIN = 0.15

export function createForesight<Job extends ScheduledJob>(options: ForesightOptions<Job>): Foresight<Job> {
  const { lanes, candidates, breaker, speeds, timetable, clock, maxRunning } = options
  const outlooks = new WeakMap<Lane<Job>, Outlook>()
  const ids = new WeakMap<Worker, number>()
  let lastId = 0
  let line: Line | undefined
  /** Milliseconds since 1970, by family: where the line was before. */
  const hintsMs = new Map<string, number>()
  let moment = ''

  function outlookOf(lane: Lane<Job>): Outlook {
    const known = outlooks.get(lane)
    if (known !== undefined && known.version === candidates.version && known.uses > 0) return known
    const made = makeOutlook(lane)
    outlooks.set(lane, made)
    return made
  }

  function makeOutlook(lane: Lane<Job>): Outlook {
    const { sample, work, transferBytes, fetchBytes, entries } = lane
    const { length } = entries
    const mean = { ...sample, work: work / length, transferBytes: transferBytes / length, fetchBytes: fetchBytes / length }
    let isGuess = false
    const places = candidates.ofLane(lane).flatMap((candidate) => {
      if (!isCounted(candidate.worker, sample)) return []
      const pace = toPace(candidate, mean)
      if (pace === undefined) isGuess = true
      return [{ ...candidate, ...(pace ?? { speed: 1, fetchSeconds: 0, returnSeconds: 0 }) }]
    })
    const allSpeed = places.reduce((sum, place) => sum + place.speed * toSlotCount(place), 0)
    return {
      places,
      family: places.map(toPlaceKey).join('\n'),
      meanSpeed: places.length === 0 ? mean.work : places.reduce((sum, { speed }) => sum + speed, 0) / places.length,
      allSpeed,
      untried: places.filter(({ worker }) => !speeds.knows(worker.spec, sample)),
      isGuess,
      version: candidates.version,
      uses: Math.max(1, Math.floor(entries.length * STALE_SHARE)),
    }
  }

  /** Its encodes or its link, whichever takes longer; without jobs ahead its slot waits for the source of each. */
  function toPace(candidate: Candidate, mean: Job): Pace | undefined {
    const { spec } = candidate.worker
    const encodeSeconds = speeds.encodeSeconds(spec, mean)
    if (encodeSeconds === undefined) return undefined
    const link = speeds.linkOf(spec)
    const { transferBytes = 0 } = mean
    const fetchSeconds = toFetchBytes(mean) / link
    const ownSeconds = encodeSeconds + (options.places.ahead(candidate.worker) > 0 ? 0 : fetchSeconds)
    const seconds = Math.max(ownSeconds, (transferBytes / link) * toSlotCount(candidate))
    return { speed: mean.work / seconds, fetchSeconds, returnSeconds: transferBytes / link - fetchSeconds }
  }

  function toPlaceKey({ worker, fit }: Candidate): string {
    return `${idOf(worker)} ${fit.queue}`
  }

  function idOf(worker: Worker): number {
    const known = ids.get(worker)
    if (known !== undefined) return known
    lastId += 1
    ids.set(worker, lastId)
    return lastId
  }

  /** Most hosts are on trial: the few that are known may be the slowest of all, and get short jobs meanwhile. */
  function isMostlyUnknown({ untried, places }: Outlook, job: Job): boolean {
    if (untried.length * 2 <= places.length) return false
    return untried.filter(({ worker }) => !speeds.knows(worker.spec, job)).length * 2 > places.length
  }

  function drawLine(): Line {
    return { atMs: findLine(), foundMs: clock.now(), changes: options.countChanges(), version: candidates.version, waiting: lanes.size }
  }

  function isStill({ atMs, foundMs, changes, version, waiting }: Line): boolean {
    const passed = clock.now() - foundMs
    if (version !== candidates.version || passed < 0 || passed > (atMs - foundMs) * LINE_PRECISION) return false
    return options.countChanges() - changes <= waiting * LINE_PRECISION && lanes.size <= waiting
  }

  /** Milliseconds since 1970. */
  function findLine(): number {
    const now = clock.now()
    const families = new Map<string, Lane<Job>[]>()
    for (const lane of lanes.listOpen()) {
      const { family } = outlookOf(lane)
      families.set(family, [...(families.get(family) ?? []), lane])
    }
    let farthest = 0
    for (const [family, members] of families) {
      const hintMs = hintsMs.get(family)
      const seconds = findFinish(toSlots(members), toWaiting(members), hintMs === undefined ? undefined : (hintMs - now) / 1000)
      hintsMs.set(family, now + seconds * 1000)
      farthest = Math.max(farthest, seconds)
    }
    if (families.size > 1) farthest = Math.max(farthest, findSharedFinish([...families.values()]))
    return now + farthest * 1000
  }

  /** Places that several families want: the area that all of their work needs. The longest jobs were looked at in their families. */
  function findSharedFinish(families: readonly (readonly Lane<Job>[])[]): number {
    const slots = new Map<string, readonly Slot[]>()
    let seconds = 0
    for (const members of families) {
      // What no host that is up can do takes nothing of what the others wait for.
      if (members.every((lane) => outlookOf(lane).places.length === 0)) continue
      seconds += toWaiting(members).total
      for (const { place, own } of toSlotsByPlace(members)) {
        const key = toPlaceKey(place)
        if (!slots.has(key)) slots.set(key, own)
      }
    }
    return findArea([...slots.values()].flat(), seconds)
  }

  /** In seconds on a host of mean speed. */
  function toWaiting(members: readonly Lane<Job>[]): Waiting {
    const waiting = { count: 0, total: 0, longest: 0 }
    for (const lane of members) {
      const { meanSpeed } = outlookOf(lane)
      waiting.count += lane.entries.length
      waiting.total += lane.work / meanSpeed
      waiting.longest = Math.max(waiting.longest, (lane.entries[0]?.job.work ?? 0) / meanSpeed)
    }
    return { ...waiting, list: () => listWorks(members) }
  }

  function listWorks(members: readonly Lane<Job>[]): readonly number[] {
    const works = members.flatMap((lane) => {
      const { meanSpeed } = outlookOf(lane)
      return lane.entries.map(({ job }) => job.work / meanSpeed)
    })
    return members.length > 1 ? works.sort((a, b) => b - a) : works
  }

  function toSlots(members: readonly Lane<Job>[]): readonly Slot[] {
    const all = toSlotsByPlace(members).flatMap(({ own }) => own)
    if (all.length <= maxRunning) return all
    return all.sort((a, b) => b.speed - a.speed).slice(0, maxRunning)
  }

  function toSlotsByPlace(members: readonly Lane<Job>[]): readonly { readonly place: Candidate; readonly own: readonly Slot[] }[] {
    const [first] = members
    if (first === undefined) return []
    const views = members.map((lane) => ({ ...outlookOf(lane), share: lane.work / outlookOf(lane).meanSpeed }))
    const shares = views.reduce((sum, { share }) => sum + share, 0)
    const slots: { readonly place: Candidate; readonly own: readonly Slot[] }[] = []
    for (const [index, place] of outlookOf(first).places.entries()) {
      if (breaker.stateOf(place.worker) !== 'free' || !isCounted(place.worker, first.sample)) continue
      let speed = 0
      for (const { places, meanSpeed, share } of views) speed += ((places[index]?.speed ?? 0) / meanSpeed) * (share / shares)
      const linkSeconds = timetable.linkSeconds(place.worker)
      const free = timetable.listFree(place.worker, place.fit.queue).map((seconds) => Math.max(seconds + place.returnSeconds, linkSeconds))
      slots.push({ place, own: free.map((freeSeconds) => ({ freeSeconds, speed })) })
    }
    return slots
  }

  /** It is up, or will be at any moment and is known. */
  function isCounted(worker: Worker, job: Job): boolean {
    return worker.state === 'up' || (isComing(worker, clock.now()) && speeds.knows(worker.spec, job))
  }

  /** Whether it would be over sooner on another host, however busy that is. */
  function isSoonerElsewhere(entry: Entry<Job>, on: Candidate, seconds: number): boolean {
    return candidates.of(entry).some(({ worker, fit }) => {
      if (worker === on.worker || !isCounted(worker, entry.job) || breaker.stateOf(worker) !== 'free') return false
      return (timetable.endOfNew(worker, fit.queue, entry.job) ?? seconds) < seconds
    })
  }

  return {
    look() {
      const now = [clock.now(), options.countChanges(), lanes.size, candidates.version].join()
      if (now === moment) return
      moment = now
      if (line !== undefined && !isStill(line)) line = undefined
      for (const lane of lanes.listOpen()) {
        const outlook = outlooks.get(lane)
        if (outlook === undefined) continue
        outlook.uses -= 1
        if (outlook.untried.some(({ worker }) => speeds.knows(worker.spec, lane.sample))) outlooks.delete(lane)
      }
    },
    judge(entry, candidate) {
      const { job, lane } = entry
      const outlook = outlookOf(lane)
      if (isMostlyUnknown(outlook, job)) {
        const least = firstOfShortest(lane)?.job.work ?? 0
        return job.work <= least ? 'good' : { atMost: least }
      }
      const seconds = timetable.endOfNew(candidate.worker, candidate.fit.queue, job)
      if (outlook.isGuess || seconds === undefined) return 'good'
      const careful = seconds * (1 + MARGIN)
      if (careful <= lane.work / outlook.allSpeed) return 'good'
      line ??= drawLine()
      const secondsToLine = (line.atMs - clock.now()) / 1000
      if (careful <= secondsToLine || !isSoonerElsewhere(entry, candidate, seconds)) return 'good'
      return { atMost: (secondsToLine / careful) * job.work }
    },
    compare(a, b) {
      if (a.lane === b.lane) return b.job.work - a.job.work || a.order - b.order
      const [ofA, ofB] = [outlookOf(a.lane), outlookOf(b.lane)]
      return ofA.places.length - ofB.places.length || b.job.work / ofB.meanSpeed - a.job.work / ofA.meanSpeed || a.order - b.order
    },
    findTrial() {
      for (const lane of lanes.listOpen()) {
        const { places, untried } = outlookOf(lane)
        const isFree = ({ worker, fit }: Candidate): boolean => countFreeSlots(worker, fit.queue) > 0 && breaker.stateOf(worker) === 'free'
        const isUntried = ({ worker }: Candidate): boolean => !speeds.knows(worker.spec, lane.sample)
        const on = untried.filter((place) => isFree(place) && isUntried(place))
        if (on.length === 0) continue
        const entry = firstOfShortest(lane)
        // Known hosts that are free would do the last ones sooner, or so it must be thought.
        const known = places.filter((place) => isFree(place) && !isUntried(place))
        if (entry?.attempts === 0 && lane.entries.length > known.length) return { entry, on }
      }
      return undefined
    },
  }
}

function toSlotCount({ worker, fit }: Candidate): number {
  return countUsableSlots(worker, fit.queue)
}
