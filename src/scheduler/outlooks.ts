/** What the jobs of a lane are to its hosts: how fast each of them does one after the other, and of which of them nothing is known. */

import type { Clock } from '../core/clock.ts'
import type { Candidates } from './find-candidates.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Lane } from './lanes.ts'
import { toBusySeconds, toFetchSeconds, toReturnSeconds } from './link.ts'
import type { Places } from './places.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Speeds } from './speeds.ts'
import { countUsableSlots, isComing, type Worker } from './worker.ts'

export interface Outlook {
  /** Places in queues that can take its jobs, each with its speed for this lane. */
  readonly places: readonly (Candidate & Pace)[]
  /** Lanes of the same places share their finish line. */
  readonly family: string
  /** Mean speed of the places: makes seconds of work, which can be compared between lanes. */
  readonly meanSpeed: number
  /** Mean speed times slots: no finish line is nearer than the work divided by it. */
  readonly allSpeed: number
  /** Of all places. */
  readonly slots: number
  /** Those of which nothing is known; made anew when that is true of one no longer. */
  readonly untried: readonly Candidate[]
  /** Nothing is known of any host. */
  readonly isGuess: boolean
}

/** What a slot does of a lane's jobs, one after the other. */
export interface Pace {
  /** Work a second. */
  readonly speed: number
  /** Its link, not its slots, is what limits it. */
  readonly isLinkBound: boolean
  /** Of one job, on a link that it has for itself; without jobs ahead the way in is part of the speed, and counts as none. */
  readonly fetchSeconds: number
  readonly encodeSeconds: number
  readonly returnSeconds: number
}

export interface Outlooks<Job extends ScheduledJob> {
  of(lane: Lane<Job>): Outlook
  /** It is up, or will be at any moment and is known. */
  isCounted(worker: Worker, job: Job): boolean
  /** Time has passed, or something was started or ended. */
  look(lane: Lane<Job>): void
}

export interface OutlookOptions<Job extends ScheduledJob> {
  readonly candidates: Candidates<Job>
  readonly speeds: Speeds
  readonly places: Pick<Places<Job>, 'ahead'>
  readonly clock: Pick<Clock, 'now'>
}

interface Kept extends Outlook {
  readonly version: number
  /** Looks until it is made anew. */
  uses: number
}

/** Where nothing is known of any host: as fast as all the others. */
const ANY_PACE: Pace = { speed: 1, isLinkBound: false, fetchSeconds: 0, encodeSeconds: 0, returnSeconds: 0 }

/** An outlook is made anew after this share of the jobs of its lane was placed. */
const STALE_SHARE = 0.02

export function createOutlooks<Job extends ScheduledJob>(options: OutlookOptions<Job>): Outlooks<Job> {
  const { candidates, speeds, places, clock } = options
  const outlooks = new WeakMap<Lane<Job>, Kept>()
  const ids = new WeakMap<Worker, number>()
  let lastId = 0

  function makeOutlook(lane: Lane<Job>): Kept {
    const { sample, work, transferBytes, fetchBytes, entries } = lane
    const { length } = entries
    const mean = { ...sample, work: work / length, transferBytes: transferBytes / length, fetchBytes: fetchBytes / length }
    let isGuess = false
    const paced = candidates.ofLane(lane).flatMap((candidate) => {
      if (!isCounted(candidate.worker, sample)) return []
      const pace = toPace(candidate, mean)
      if (pace === undefined) isGuess = true
      return [{ ...candidate, ...(pace ?? ANY_PACE) }]
    })
    return {
      places: paced,
      family: paced.map(({ worker, fit }) => `${idOf(worker)} ${fit.queue}`).join('\n'),
      meanSpeed: paced.length === 0 ? mean.work : paced.reduce((sum, { speed }) => sum + speed, 0) / paced.length,
      allSpeed: paced.reduce((sum, place) => sum + place.speed * toSlotCount(place), 0),
      slots: paced.reduce((sum, place) => sum + toSlotCount(place), 0),
      untried: paced.filter(({ worker }) => !speeds.knows(worker.spec, sample)),
      isGuess,
      version: candidates.version,
      uses: Math.max(1, Math.floor(entries.length * STALE_SHARE)),
    }
  }

  function isCounted(worker: Worker, job: Job): boolean {
    return worker.state === 'up' || (isComing(worker, clock.now()) && speeds.knows(worker.spec, job))
  }

  /** Its encodes or its link, whichever takes longer; without jobs ahead its slot waits for the source of each. */
  function toPace(candidate: Candidate, mean: Job): Pace | undefined {
    const { spec } = candidate.worker
    const encodeSeconds = speeds.encodeSeconds(spec, mean)
    if (encodeSeconds === undefined) return undefined
    const link = speeds.linkOf(spec)
    const [fetchSeconds, returnSeconds] = [toFetchSeconds(mean, link), toReturnSeconds(mean, link)]
    const isAhead = places.ahead(candidate.worker) > 0
    const ownSeconds = encodeSeconds + (isAhead ? 0 : fetchSeconds)
    const linkSeconds = toBusySeconds(fetchSeconds, returnSeconds, link) * toSlotCount(candidate)
    return {
      speed: mean.work / Math.max(ownSeconds, linkSeconds),
      isLinkBound: linkSeconds > ownSeconds,
      fetchSeconds: isAhead ? fetchSeconds : 0,
      encodeSeconds,
      returnSeconds,
    }
  }

  function idOf(worker: Worker): number {
    const known = ids.get(worker)
    if (known !== undefined) return known
    lastId += 1
    ids.set(worker, lastId)
    return lastId
  }

  return {
    of(lane) {
      const known = outlooks.get(lane)
      if (known !== undefined && known.version === candidates.version && known.uses > 0) return known
      const made = makeOutlook(lane)
      outlooks.set(lane, made)
      return made
    },
    isCounted,
    look(lane) {
      const outlook = outlooks.get(lane)
      if (outlook === undefined) return
      outlook.uses -= 1
      if (outlook.untried.some(({ worker }) => speeds.knows(worker.spec, lane.sample))) outlooks.delete(lane)
    },
  }
}

function toSlotCount({ worker, fit }: Candidate): number {
  return countUsableSlots(worker, fit.queue)
}
