/**
 * The rule by which `fastest` gives jobs to hosts. Of the hosts that have a place, the one that ends a job soonest takes it (strategy.ts),
 * and that job is the longest one, but
 *
 * 1. no job that would be over there, or make others there be over, only after the whole run could be (finish-line.ts), when it would be
 *    over sooner on another host, however busy that is. A shorter one may go there instead.
 * 2. no job for whose source an idle slot would stand and wait, while a shorter one comes sooner: long sources come while short ones are
 *    encoded. This is for slots, not for links; and not where few jobs are left a slot and this one would hardly be over in time later.
 * 3. hosts of which nothing is known are given short jobs first, and so are those that are known while most are not.
 *
 * A job that is kept from a free host waits for a busy one. That is a guess about speeds, so it never holds anything up by itself:
 * estimates of jobs that take longer than expected move, and the scheduler starts what waits when nothing runs.
 */

import type { Clock } from '../core/clock.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { createDrawLine } from './draw-line.ts'
import type { Candidates } from './find-candidates.ts'
import type { ScheduledJob } from './job-form.ts'
import { type Entry, firstOfShortest, type Lane, type Lanes } from './lanes.ts'
import type { Mistrust } from './mistrust.ts'
import { createOutlooks, type Outlook } from './outlooks.ts'
import type { Places } from './places.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Speeds } from './speeds.ts'
import type { Foreseen, Timetable } from './timetable.ts'
import { countFreeSlots } from './worker.ts'

export interface Foresight<Job extends ScheduledJob> {
  /** Time has passed, or something was started or ended. */
  look(): void
  /** `good`: the host may have it. Else the work of which it may have a job. */
  judge(entry: Entry<Job>, candidate: Candidate): Judgement
  /** Lanes that few hosts can take first, then what takes longest. */
  compare(a: Entry<Job>, b: Entry<Job>): number
  /**
   * What is under way and ends later than in so many seconds will be what the run waits for. Undefined while not all hosts are known, and
   * where it was asked a moment ago.
   */
  findLate(): number | undefined
  /** The shortest job, for hosts of which nothing is known. */
  findTrial(): { readonly entry: Entry<Job>; readonly on: readonly Candidate[] } | undefined
}

export type Judgement = 'good' | { readonly atMost: number }

export interface ForesightOptions<Job extends ScheduledJob> {
  readonly lanes: Lanes<Job>
  readonly candidates: Candidates<Job>
  readonly breaker: CircuitBreaker
  readonly speeds: Speeds
  readonly timetable: Timetable
  readonly places: Pick<Places<Job>, 'ahead'>
  readonly mistrust: Pick<Mistrust, 'margin'>
  readonly clock: Clock
  readonly maxRunning: number
  /** Grows whenever a slot is taken or free. */
  readonly countChanges: () => number
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

/** Of the time to the finish line: for how long an idle slot may wait for a source. */
const IDLE_SHARE = 0.02

/**
 * With so few jobs left, most slots do one or two of them: a long one that lets others go first ends after the line where these take more
 * than this share of the time. With more jobs a faster host has it in time.
 */
const FEW_JOBS_A_SLOT = 2
const LATER_SHARE = 0.1

export function createForesight<Job extends ScheduledJob>(options: ForesightOptions<Job>): Foresight<Job> {
  const { lanes, candidates, breaker, speeds, timetable, clock } = options
  const outlooks = createOutlooks(options)
  const drawLine = createDrawLine({ ...options, outlooks })
  let line: Line | undefined
  let moment = ''
  let lastSooner: Candidate | undefined
  let nextLateMs = 0

  function judge(entry: Entry<Job>, candidate: Candidate): Judgement {
    const { job, lane } = entry
    const outlook = outlooks.of(lane)
    const least = lane.entries.at(-1)?.job.work ?? 0
    if (isMostlyUnknown(outlook, job)) return job.work <= least ? 'good' : { atMost: least }
    const foreseen = timetable.foresee(candidate.worker, candidate.fit.queue, job)
    if (outlook.isGuess || foreseen === undefined) return 'good'
    const carefulSeconds = foreseen.endSeconds * (1 + options.mistrust.margin)
    const isSurelyInTime = carefulSeconds <= lane.work / outlook.allSpeed
    const secondsToLine = isSurelyInTime ? lane.work / outlook.allSpeed : secondsToFinish()
    if (carefulSeconds > secondsToLine && isSoonerElsewhere(entry, candidate, foreseen.endSeconds)) {
      return { atMost: (secondsToLine / carefulSeconds) * job.work }
    }
    const latestSeconds = secondsToLine * (lane.entries.length > outlook.slots * FEW_JOBS_A_SLOT ? 1 : 1 - LATER_SHARE)
    const soonWork = carefulSeconds > latestSeconds ? job.work : findSoonWork(entry, candidate, foreseen, secondsToLine)
    return soonWork < job.work && least < job.work ? { atMost: Math.max(least, soonWork) } : 'good'
  }

  /** Most hosts are on trial: the few that are known may be the slowest of all, and get short jobs meanwhile. */
  function isMostlyUnknown({ untried, places }: Outlook, job: Job): boolean {
    if (untried.length * 2 <= places.length) return false
    return untried.filter(({ worker }) => !speeds.knows(worker.spec, job)).length * 2 > places.length
  }

  function secondsToFinish(): number {
    line ??= {
      atMs: clock.now() + drawLine() * 1000,
      ...{ foundMs: clock.now(), changes: options.countChanges(), version: candidates.version, waiting: lanes.size },
    }
    return (line.atMs - clock.now()) / 1000
  }

  function isStill({ atMs, foundMs, changes, version, waiting }: Line): boolean {
    const passed = clock.now() - foundMs
    if (version !== candidates.version || passed < 0 || passed > (atMs - foundMs) * LINE_PRECISION) return false
    return options.countChanges() - changes <= waiting * LINE_PRECISION && lanes.size <= waiting
  }

  /** Whether it would be over sooner on another host, however busy that is, together with all that it makes later there. */
  function isSoonerElsewhere(entry: Entry<Job>, on: Candidate, seconds: number): boolean {
    const isSooner = ({ worker, fit }: Candidate): boolean => {
      if (worker === on.worker || !outlooks.isCounted(worker, entry.job) || breaker.stateOf(worker) !== 'free') return false
      if ((timetable.endOfNew(worker, fit.queue, entry.job) ?? seconds) >= seconds) return false
      return (timetable.foresee(worker, fit.queue, entry.job)?.endSeconds ?? seconds) < seconds
    }
    const able = candidates.of(entry)
    // What was sooner the last time mostly is again.
    if (lastSooner !== undefined && able.includes(lastSooner) && isSooner(lastSooner)) return true
    const sooner = able.find(isSooner)
    lastSooner = sooner ?? lastSooner
    return sooner !== undefined
  }

  /** The work of a job whose source would be there when the slot is free, or hardly later. */
  function findSoonWork(
    { job, lane }: Entry<Job>,
    { worker, fit }: Candidate,
    { freeSeconds, takesSeconds }: Foreseen,
    secondsToLine: number,
  ): number {
    if (takesSeconds <= freeSeconds + secondsToLine * IDLE_SHARE) return job.work
    // Where the source of each job is fetched after the one before it, or the link never rests, nothing is gained by another order.
    if (options.places.ahead(worker) === 0) return job.work
    const place = outlooks.of(lane).places.find((one) => one.worker === worker && one.fit.queue === fit.queue)
    if (place === undefined || place.isLinkBound) return job.work
    return (job.work * (freeSeconds + secondsToLine * IDLE_SHARE)) / takesSeconds
  }

  function isAnyUntried(lane: Lane<Job>): boolean {
    const { isGuess, untried } = outlooks.of(lane)
    return isGuess || untried.length > 0
  }

  return {
    look() {
      const now = [clock.now(), options.countChanges(), lanes.size, candidates.version].join()
      if (now === moment) return
      moment = now
      if (line !== undefined && !isStill(line)) line = undefined
      for (const lane of lanes.listOpen()) outlooks.look(lane)
    },
    judge,
    compare(a, b) {
      if (a.lane === b.lane) return b.job.work - a.job.work || a.order - b.order
      const [ofA, ofB] = [outlooks.of(a.lane), outlooks.of(b.lane)]
      return ofA.places.length - ofB.places.length || b.job.work / ofB.meanSpeed - a.job.work / ofA.meanSpeed || a.order - b.order
    },
    findLate() {
      if (lanes.size === 0 || clock.now() < nextLateMs || lanes.listOpen().some(isAnyUntried)) return undefined
      const seconds = secondsToFinish()
      nextLateMs = clock.now() + seconds * 1000 * LINE_PRECISION
      return seconds * (1 + options.mistrust.margin)
    },
    findTrial() {
      for (const lane of lanes.listOpen()) {
        const { places, untried } = outlooks.of(lane)
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
