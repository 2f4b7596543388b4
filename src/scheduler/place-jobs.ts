/** Finds the next job that can start and the host that takes it, or the job that nobody will ever take. */

import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Conclude } from './conclude.ts'
import { describeUnplaced, joinReasons, withReasons } from './describe-failure.ts'
import { findCandidates, isCondemned } from './find-candidates.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry, Lanes } from './lanes.ts'
import { type Candidate, rankCandidates } from './rank-candidates.ts'
import type { Lack, Room, RoomKeeper } from './room.ts'
import type { Strategy } from './strategy.ts'
import { countFreeSlots, type Worker } from './worker.ts'

export interface PlaceOptions<Job extends ScheduledJob> {
  readonly workers: ReadonlyMap<string, Worker>
  readonly lanes: Lanes<Job>
  readonly breaker: CircuitBreaker
  readonly choose: Strategy
  readonly maxRunning: number | undefined
  /** Jobs under way. */
  readonly countRunning: () => number
  readonly room: RoomKeeper<Job> | undefined
  /** Takes the slot before it returns. */
  readonly begin: (entry: Entry<Job>, place: Candidate) => void
  readonly conclude: Conclude<Job>
}

/** Jobs behind one that finds no room that are asked whether they are small enough. */
const MAX_OVERTAKING = 50

/** The function starts or gives up one job; false when none can be. */
export function createPlaceOne<Job extends ScheduledJob>(options: PlaceOptions<Job>): () => boolean {
  const { workers, lanes, breaker, choose, begin, conclude } = options
  const maxRunning = options.maxRunning ?? Number.POSITIVE_INFINITY
  const candidatesFor = (entry: Entry<Job>) => findCandidates(entry, workers.values(), breaker)

  return () => {
    let start: (() => void) | undefined
    const roomless = new Map<Entry<Job>, readonly Lack[]>()
    let isAsking = false
    const entry = lanes.takeFirst((waiting) => {
      const candidates = candidatesFor(waiting)
      // Hosts that failed at it may have shown meanwhile that they can be believed.
      if (candidates.length === 0 || isCondemned(waiting, breaker)) {
        start = () => giveUp(waiting)
        return 'take'
      }
      const chosen = options.countRunning() < maxRunning ? chooseFree(waiting, candidates) : undefined
      if (chosen === 'asking') isAsking = true
      if (Array.isArray(chosen)) {
        roomless.set(waiting, chosen)
        return roomless.size <= MAX_OVERTAKING ? 'next' : 'full'
      }
      // A job that was tried before has fewer hosts to go to than those behind it.
      if (chosen === undefined || chosen === 'asking') return waiting.attempts > 0 ? 'next' : 'full'
      start = () => begin(waiting, chosen)
      return 'take'
    })
    start?.()
    if (entry !== undefined) return true
    if (options.countRunning() === 0 && !isAsking && [...roomless.keys()].some(giveUpForRoom)) return true
    for (const [{ job }, lacks] of roomless) options.room?.onLack(job, lacks)
    return false
  }

  /** `asking`: it depends on an answer that is on its way. Lacks: hosts are free, and none of them has room. */
  function chooseFree(entry: Entry<Job>, candidates: readonly Candidate[]): Candidate | 'asking' | Lack[] | undefined {
    const lacks: Lack[] = []
    let free = admit(entry, candidates).filter(({ worker, fit }) => countFreeSlots(worker, fit.queue) > 0)
    for (;;) {
      const chosen = chooseOf(entry, free)
      if (chosen === undefined) break
      const room = roomOn(entry, chosen)
      if (room === 'yes') return chosen
      if (room === 'asking') return room
      lacks.push(room)
      free = free.filter((candidate) => candidate !== chosen)
    }
    return lacks.length === 0 ? undefined : lacks
  }

  /** Those that are not held or set aside. What failed elsewhere goes to a host that is held where no better one is up. */
  function admit(entry: Entry<Job>, candidates: readonly Candidate[]): readonly Candidate[] {
    const inState = (state: ReturnType<CircuitBreaker['stateOf']>) =>
      candidates.filter(({ worker }) => breaker.stateOf(worker) === state || worker === entry.stayOn)
    const free = inState('free')
    return entry.faults.size === 0 || free.some(({ worker }) => worker.state === 'up') ? free : inState('held')
  }

  function chooseOf(entry: Entry<Job>, free: readonly Candidate[]): Candidate | undefined {
    const staying = free.find(({ worker }) => worker === entry.stayOn)
    if (staying !== undefined) return staying
    // A host whose disk filled up under this job gets it again when no other can take it.
    const other = free.filter(({ worker }) => !entry.fullDisks.has(worker))
    const ranked = rankCandidates(other.length > 0 ? other : free)
    const [first, ...rest] = ranked.map(({ worker }) => worker)
    if (first === undefined) return undefined
    const chosen = choose([first, ...rest], entry.job)
    return ranked.find(({ worker }) => worker === chosen)
  }

  function roomOn(entry: Entry<Job>, { worker }: Candidate): Room {
    return options.room?.look(entry.job, worker.spec) ?? 'yes'
  }

  /** Nothing runs that could make room; false where it may come all the same. */
  function giveUpForRoom(entry: Entry<Job>): boolean {
    const candidates = candidatesFor(entry)
    const lacks = candidates.map((candidate) => (candidate.worker.state === 'up' ? roomOn(entry, candidate) : 'asking'))
    const said = new Set(lacks.flatMap((room) => (typeof room === 'string' ? [] : [room.said])))
    if (lacks.some((room) => typeof room === 'string') || options.room?.mayCome() === true) return false
    lanes.takeFirst((waiting) => (waiting === entry ? 'take' : 'next'))
    const reason = withReasons(entry, `There is no room for it: ${[...said].join('; ')}`)
    conclude(entry, { kind: 'failed', reason, log: null, retry: 'never' }, undefined)
    return true
  }

  function giveUp(entry: Entry<Job>): void {
    const last = [...entry.faults].at(-1)
    if (last !== undefined && isCondemned(entry, breaker)) {
      conclude(entry, { kind: 'failed', reason: joinReasons(entry), log: null, retry: 'never' }, last, true)
      return
    }
    const reason = withReasons(entry, describeUnplaced(entry, workers.values(), breaker))
    conclude(entry, { kind: 'failed', reason, log: null, retry: 'never' }, undefined)
  }
}
