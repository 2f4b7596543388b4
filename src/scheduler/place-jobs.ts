/** Finds the next job that can start and the host that takes it, or the job that nobody will ever take. */

import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Conclude } from './conclude.ts'
import { describeUnplaced, joinReasons, withReasons } from './describe-failure.ts'
import { type Candidates, isCondemned } from './find-candidates.ts'
import type { Foresight } from './foresight.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Entry, Lane, Lanes } from './lanes.ts'
import type { Places } from './places.ts'
import { type Candidate, rankCandidates } from './rank-candidates.ts'
import type { Lack, Room, RoomKeeper } from './room.ts'
import type { Strategy } from './strategy.ts'
import type { Worker } from './worker.ts'

export interface PlaceOptions<Job extends ScheduledJob> {
  readonly workers: ReadonlyMap<string, Worker>
  readonly lanes: Lanes<Job>
  readonly candidates: Candidates<Job>
  readonly breaker: CircuitBreaker
  /** Of the strategy that has it. */
  readonly foresight: Foresight<Job> | undefined
  readonly choose: Strategy
  readonly places: Places<Job>
  /** A host is counted with that is not up yet. */
  readonly isAnyComing: () => boolean
  /** Jobs that have not encoded yet, or do so; and with those whose results are on their way. */
  readonly countRunning: () => number
  readonly countUnderWay: () => number
  readonly room: RoomKeeper<Job> | undefined
  /** Takes the slot before it returns. */
  readonly begin: (entry: Entry<Job>, place: Candidate) => void
  readonly conclude: Conclude<Job>
}

/** Jobs behind one that finds no room that are asked whether they are small enough. */
const MAX_OVERTAKING = 50

/** What became of one look at all that waits. `waiting`: free hosts are left idle for the sake of faster ones that are busy. */
export type Placed = 'one' | 'none' | 'waiting'

/** The function starts or gives up one job. */
export function createPlaceOne<Job extends ScheduledJob>(options: PlaceOptions<Job>): () => Placed {
  const { workers, lanes, candidates, breaker, foresight, choose, places, begin, conclude } = options

  return () => {
    // In the order given, nothing is foreseen.
    const foreseen = lanes.order === 'longest' ? foresight : undefined
    const placed = foreseen !== undefined && placeTrial(foreseen) ? 'one' : placeOne(foreseen)
    // No estimate may keep everything waiting.
    const isStuck = placed !== 'one' && options.countRunning() === 0 && !options.isAnyComing()
    return isStuck && foreseen !== undefined ? placeOne(undefined) : placed
  }

  function placeOne(foreseen: Foresight<Job> | undefined): Placed {
    const freeOf = createShortlists()
    let start: (() => void) | undefined
    const roomless = new Map<Entry<Job>, readonly Lack[]>()
    let isAsking = false
    let isWaiting = false
    const entry = lanes.takeFirst(
      (waiting) => {
        const able = candidates.of(waiting)
        // Hosts that failed at it may have shown meanwhile that they can be believed.
        if (able.length === 0 || isCondemned(waiting, breaker)) {
          start = () => giveUp(waiting)
          return 'take'
        }
        const chosen = places.isFull() ? undefined : chooseFree(waiting, freeOf(waiting, able), foreseen)
        if (chosen === 'asking') isAsking = true
        if (Array.isArray(chosen)) {
          roomless.set(waiting, chosen)
          return roomless.size <= MAX_OVERTAKING ? 'next' : 'full'
        }
        // A job that was tried before has fewer hosts to go to than those behind it.
        if (chosen === undefined || chosen === 'asking') return waiting.attempts > 0 ? 'next' : 'full'
        if ('atMost' in chosen) {
          isWaiting = true
          return waiting.attempts > 0 ? 'next' : chosen
        }
        start = () => begin(waiting, chosen)
        return 'take'
      },
      lanes.order === 'longest' ? foresight?.compare : undefined,
    )
    start?.()
    if (entry !== undefined) return 'one'
    if (isWaiting) return 'waiting'
    if (options.countUnderWay() === 0 && !isAsking && [...roomless.keys()].some(giveUpForRoom)) return 'one'
    for (const [{ job }, lacks] of roomless) options.room?.onLack(job, lacks)
    return 'none'
  }

  /** A host of which nothing is known is given a short job. */
  function placeTrial(foreseen: Foresight<Job>): boolean {
    const trial = places.isFull() ? undefined : foreseen.findTrial()
    if (trial === undefined) return false
    const chosen = chooseFree(trial.entry, listFree(trial.entry, trial.on), undefined)
    if (chosen === undefined || chosen === 'asking' || !('worker' in chosen)) return false
    lanes.take(trial.entry)
    begin(trial.entry, chosen)
    return true
  }

  /** `asking`: it depends on an answer that is on its way. Lacks: hosts are free, and none of them has room. */
  function chooseFree(
    entry: Entry<Job>,
    ranked: readonly Candidate[],
    foreseen: Foresight<Job> | undefined,
  ): Candidate | 'asking' | Lack[] | { readonly atMost: number } | undefined {
    const lacks: Lack[] = []
    let isSecondChoice = false
    let free = ranked
    for (;;) {
      const chosen = chooseOf(entry, free)
      if (chosen === undefined) break
      // Where the best one has no room, or all are doubtful, any other will do.
      const isPicky = !isSecondChoice && chosen.worker !== entry.stayOn && breaker.stateOf(chosen.worker) === 'free'
      const verdict = isPicky ? (foreseen?.judge(entry, chosen) ?? 'good') : 'good'
      if (verdict !== 'good') return verdict
      const room = roomOn(entry, chosen)
      if (room === 'yes') return chosen
      if (room === 'asking') return room
      isSecondChoice = true
      // Ahead of a slot, room is as good as missing while it may still come: the job waits for that slot anyway.
      if (places.isFree(chosen)) lacks.push(room)
      free = free.filter((candidate) => candidate !== chosen)
    }
    return lacks.length === 0 ? undefined : lacks
  }

  /** Those of `able` that could take it now, in the order in which they are shown to the strategy. */
  function listFree(entry: Entry<Job>, able: readonly Candidate[]): readonly Candidate[] {
    return rankCandidates(places.filter(admit(entry, able), entry.job))
  }

  /** The same, found once for all jobs of a lane that were not tried yet; until something is started. */
  function createShortlists(): typeof listFree {
    const known = new Map<Lane<Job>, readonly Candidate[]>()
    return (entry, able) => {
      if (entry.attempts > 0) return listFree(entry, able)
      const free = known.get(entry.lane) ?? rankCandidates(places.filterKept(able, entry.job).filter(isTrusted))
      known.set(entry.lane, free)
      return free
    }
  }

  function isTrusted({ worker }: Candidate): boolean {
    return breaker.stateOf(worker) === 'free'
  }

  /** Those that are not held or set aside. What failed elsewhere goes to a host that is held where no better one is up. */
  function admit(entry: Entry<Job>, able: readonly Candidate[]): readonly Candidate[] {
    const inState = (state: ReturnType<CircuitBreaker['stateOf']>) =>
      able.filter(({ worker }) => breaker.stateOf(worker) === state || worker === entry.stayOn)
    const free = inState('free')
    return entry.faults.size === 0 || free.some(({ worker }) => worker.state === 'up') ? free : inState('held')
  }

  function chooseOf(entry: Entry<Job>, free: readonly Candidate[]): Candidate | undefined {
    const staying = free.find(({ worker }) => worker === entry.stayOn)
    if (staying !== undefined) return staying
    // A host whose disk filled up under this job gets it again when no other can take it.
    const other = free.filter(({ worker }) => !entry.fullDisks.has(worker))
    const [first, ...rest] = other.length > 0 ? other : free
    return first === undefined ? undefined : choose([first, ...rest], entry.job)
  }

  function roomOn(entry: Entry<Job>, { worker }: Candidate): Room {
    return options.room?.look(entry.job, worker.spec) ?? 'yes'
  }

  /** Nothing runs that could make room; false where it may come all the same. */
  function giveUpForRoom(entry: Entry<Job>): boolean {
    const lacks = candidates.of(entry).map((candidate) => (candidate.worker.state === 'up' ? roomOn(entry, candidate) : 'asking'))
    const said = new Set(lacks.flatMap((room) => (typeof room === 'string' ? [] : [room.said])))
    if (lacks.some((room) => typeof room === 'string') || options.room?.mayCome() === true) return false
    lanes.remove(entry)
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
