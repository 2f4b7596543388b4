/**
 * What idle hosts can do for jobs that are placed already: one that has not begun to encode is withdrawn and placed where it ends sooner;
 * one that encodes, or whose result is on its way, is begun a second time where that is over well before the first is, and the first
 * result wins. Neither is done for a small gain, since the estimates may be wrong by as much, nor twice to a job. While other jobs wait,
 * it is done for those alone that end after all the rest could be over.
 */

import type { LiveAttempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Candidates } from './find-candidates.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry, Lanes } from './lanes.ts'
import type { Places } from './places.ts'
import type { Candidate } from './rank-candidates.ts'
import type { RoomKeeper } from './room.ts'
import type { Speeds } from './speeds.ts'
import type { Timetable } from './timetable.ts'
import { countFreeSlots, countUsableSlots, type Phase, type Worker } from './worker.ts'

export interface ReliefOptions<Job extends ScheduledJob> {
  readonly workers: ReadonlyMap<string, Worker>
  readonly lanes: Lanes<Job>
  readonly candidates: Candidates<Job>
  readonly attempts: Attempts<Job>
  readonly places: Places<Job>
  readonly breaker: CircuitBreaker
  readonly speeds: Speeds
  readonly timetable: Timetable
  readonly room: RoomKeeper<Job> | undefined
  /** Starts a second attempt. */
  readonly copy: (entry: Entry<Job>, place: Candidate) => void
}

/** `watching`: hosts are idle, and what is under way may yet take longer than expected. */
export type Relief = 'watching' | 'none'

interface Ending<Job extends ScheduledJob> {
  readonly attempt: LiveAttempt<Job>
  readonly endSeconds: number
}

/** An idle host must need so much less; by less the estimates may be wrong. */
const LEAST_GAIN = 1.2
const LEAST_GAIN_SECONDS = 2

/** Those that end last: no other one makes the run longer. */
const LOOKED_AT = 8

/** `lateSeconds`: what is over by then needs no relief. To be given while jobs wait. */
export function createRelief<Job extends ScheduledJob>(options: ReliefOptions<Job>): (lateSeconds?: number) => Relief {
  const { workers, lanes, candidates, attempts, places, breaker, speeds, timetable } = options
  /** Jobs that were withdrawn and have not come back yet, with the hosts that wait for them. */
  const moving = new Map<LiveAttempt<Job>, Worker>()

  return (lateSeconds = 0) => {
    for (const attempt of moving.keys()) if (!attempt.entry.live.has(attempt)) moving.delete(attempt)
    // A slot is of more use to one that waits, and a host that is idle all the same would not have done it in time.
    if (attempts.count === 0 || (lanes.size > 0 && lateSeconds === 0) || places.isFull()) return 'none'
    const idle = new Set([...workers.values()].filter(isIdle))
    for (const worker of moving.values()) idle.delete(worker)
    if (idle.size === 0) return 'none'
    let isWatching = false
    const promised = new Map<Worker, number>()
    for (const { attempt, endSeconds } of listLast(lateSeconds)) {
      if (hasBegun(attempt.phase)) isWatching = true
      const place = findSooner(attempt, endSeconds, idle, promised)
      if (place === undefined) continue
      if (!idle.has(place.worker)) {
        promise(promised, place, attempt.job)
        continue
      }
      if (hasBegun(attempt.phase)) options.copy(attempt.entry, place)
      else move(attempt, place.worker)
      idle.delete(place.worker)
    }
    return isWatching ? 'watching' : 'none'
  }

  function isIdle(worker: Worker): boolean {
    if (!isUsable(worker)) return false
    return Object.keys(worker.spec.queues ?? {}).some((queue) => countFreeSlots(worker, queue) > 0)
  }

  function isUsable(worker: Worker): boolean {
    return worker.state === 'up' && breaker.stateOf(worker) === 'free'
  }

  /** What may be relieved and ends later than that, the one that ends last first. */
  function listLast(lateSeconds: number): readonly Ending<Job>[] {
    const last: Ending<Job>[] = []
    for (const attempt of attempts.list()) {
      const { entry, phase, withdrawn } = attempt
      if (withdrawn !== undefined || entry.live.size > 1 || entry.claimedBy !== undefined) continue
      if (hasBegun(phase) ? entry.wasCopied : entry.wasMoved) continue
      const endSeconds = timetable.endOf(attempt.place.worker, attempt)
      if (endSeconds === undefined || endSeconds <= Math.max(lateSeconds, last[LOOKED_AT - 1]?.endSeconds ?? 0)) continue
      let place = Math.min(last.length, LOOKED_AT - 1)
      while (place > 0 && (last[place - 1]?.endSeconds ?? 0) < endSeconds) place -= 1
      last.splice(place, 0, { attempt, endSeconds })
      last.length = Math.min(last.length, LOOKED_AT)
    }
    return last
  }

  /** The host that ends it soonest, be it one that is busy still: an idle one is not to take what that one will do before. */
  function findSooner(
    { entry, place }: LiveAttempt<Job>,
    endSeconds: number,
    idle: ReadonlySet<Worker>,
    promised: ReadonlyMap<Worker, number>,
  ): Candidate | undefined {
    const { job } = entry
    const able = candidates.of(entry).filter(({ worker }) => worker !== place.worker && isUsable(worker) && speeds.knows(worker.spec, job))
    const ready = new Set(places.filter(able, job).filter(({ worker, fit }) => idle.has(worker) && countFreeSlots(worker, fit.queue) > 0))
    let best: Candidate | undefined
    let bestSeconds = Math.min(endSeconds / LEAST_GAIN, endSeconds - LEAST_GAIN_SECONDS)
    for (const candidate of able) {
      const { worker, fit } = candidate
      const own = timetable.endOfNew(worker, fit.queue, job) ?? Number.POSITIVE_INFINITY
      const seconds = ready.has(candidate) ? own : (own + (promised.get(worker) ?? 0)) * LEAST_GAIN
      if (seconds >= bestSeconds || (!ready.has(candidate) && idle.has(worker))) continue
      best = candidate
      bestSeconds = seconds
    }
    if (best === undefined || (options.room !== undefined && options.room.look(job, best.worker.spec) !== 'yes')) return undefined
    return best
  }

  /** What a host that is busy will be given once it is idle, if nothing changes. */
  function promise(promised: Map<Worker, number>, { worker, fit }: Candidate, job: ScheduledJob): void {
    const seconds = (speeds.encodeSeconds(worker.spec, job) ?? 0) / Math.max(1, countUsableSlots(worker, fit.queue))
    promised.set(worker, (promised.get(worker) ?? 0) + seconds)
  }

  function move(attempt: LiveAttempt<Job>, worker: Worker): void {
    const { entry } = attempt
    entry.wasMoved = true
    entry.stayOn = worker
    moving.set(attempt, worker)
    attempt.withdraw(`Host "${worker.spec.name}" is idle, and will have done it sooner`)
  }
}

function hasBegun(phase: Phase): boolean {
  return phase === 'encoding' || phase === 'leaving'
}
