/**
 * Waiting jobs, slots, placement and retry. Knows no SSH and no ffmpeg: it is given `runJob`.
 *
 * What was added is started, given up or still waiting, never in two places: a job leaves its lane in the moment a slot is
 * reserved for it, and comes back only after its `runJob` has settled.
 */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import { type CircuitBreaker, createCircuitBreaker, type SetAside } from './circuit-breaker.ts'
import { describeUnplaced, joinReasons, withReasons } from './describe-failure.ts'
import { type Fit, findFit, type JobForm, type ScheduledJob } from './job-form.ts'
import { createLanes, type Entry } from './lanes.ts'
import { type Candidate, rankCandidates } from './rank-candidates.ts'
import type { Lack, Room, RoomKeeper } from './room.ts'
import { createSpeeds } from './speeds.ts'
import { createStrategy, type StrategyName } from './strategy.ts'
import { countFreeSlots, countSlots, createWorker, type Worker, type WorkerSpec } from './worker.ts'

export interface SchedulerOptions<Job extends ScheduledJob> {
  readonly strategy: StrategyName
  /** Jobs at a time over all hosts; undefined = as many as there are slots. */
  readonly maxRunning?: number
  readonly clock: Clock
  /** No job is started once it is aborted; those under way are expected to end by themselves. */
  readonly signal: AbortSignal
  /** No job is started once it is aborted; those under way go on to their ends, and what fails there and may be tried again waits. */
  readonly draining?: AbortSignal | undefined
  /** Runs one attempt (the first is 1). Must not reject. */
  readonly runJob: (job: Job, worker: WorkerSpec, attempt: number, form: JobForm) => Promise<JobOutcome>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  /** The job will not be tried (again). `worker` is the last that tried it. */
  readonly onSettled: (job: Job, outcome: Exclude<JobOutcome, { kind: 'interrupted' }>, worker: WorkerSpec | undefined) => void
  /** A host was lost while it had a job; it counts as expected until `setWorker` says otherwise. */
  readonly onLost: (worker: WorkerSpec, reason: string) => void
  /** A queue of a host has fewer slots than was said; `slots` are what it counts with from now on. */
  readonly onLowered: (worker: WorkerSpec, queue: string, slots: number, reason: string) => void
  /** Failures in a row that set a host aside, see circuit-breaker.ts; 0 = never. Default 3. */
  readonly maxFailures?: number | undefined
  /** Looks at a host that was set aside and had its while; resolves to what is wrong with it. Must not reject. */
  readonly probe: (worker: WorkerSpec) => Promise<string | undefined>
  readonly onSetAside: (worker: WorkerSpec, aside: SetAside) => void
  readonly onTakenBack: (worker: WorkerSpec) => void
  /** Without it there is always room. */
  readonly room?: RoomKeeper<Job>
}

export interface Scheduler<Job extends ScheduledJob> {
  /** Announces a host that may come up. Jobs wait for it. */
  expectWorker(spec: WorkerSpec): void
  /** What is known of it by now, and where it stands. */
  setWorker(spec: WorkerSpec, state: Worker['state']): void
  /** It turned out to have other traits. */
  changeWorker(spec: WorkerSpec): void
  /** There may be room where there was none. */
  wake(): void
  setLoad(spec: Pick<WorkerSpec, 'cluster' | 'name'>, cpuRatio: number): void
  add(jobs: readonly Job[]): void
  /** No more jobs will be added. */
  seal(): void
  /** Resolves when it is sealed, aborted or drained and nothing runs or waits any more. Jobs that still wait after an abort or draining are the result. */
  readonly drained: Promise<readonly Job[]>
}

/** Hosts that one job may lose: enough to outlive two dying hosts, few enough that a file which kills hosts is found out. */
const MAX_LOSSES = 4

/** Hosts that can be believed and failed at a job: then another one would fail, too. */
const WITNESSES_NEEDED = 2

const DEFAULT_MAX_FAILURES = 3

/** Jobs behind one that finds no room that are asked whether they are small enough. */
const MAX_OVERTAKING = 50

/** Full disks that one job meets, each time after there seemed to be room: on one host, before another one must do it, and on all of them. */
const MAX_FULL_DISKS_A_HOST = 2
const MAX_FULL_DISKS = 6

type FailedOutcome = JobOutcome & { readonly kind: 'failed' }
type FinalOutcome = Exclude<JobOutcome, { readonly kind: 'interrupted' }>

export function createScheduler<Job extends ScheduledJob>(options: SchedulerOptions<Job>): Scheduler<Job> {
  const { signal, clock } = options
  const workers = new Map<string, Worker>()
  const lanes = createLanes<Job>()
  const speeds = createSpeeds()
  const choose = createStrategy(options.strategy, speeds)
  const { promise: drained, resolve: settleDrained } = Promise.withResolvers<readonly Job[]>()
  const over = new AbortController()
  const breaker = createCircuitBreaker({
    ...options,
    maxFailures: options.maxFailures ?? DEFAULT_MAX_FAILURES,
    signal: AbortSignal.any([signal, over.signal]),
    onChange: pump,
  })
  let running = 0
  let isSealed = false
  let isPumping = false
  let mustPumpAgain = false

  signal.addEventListener('abort', pump, { once: true })
  options.draining?.addEventListener('abort', pump, { once: true })

  return {
    expectWorker(spec) {
      workers.set(keyOf(spec), createWorker(spec))
    },
    setWorker(spec, state) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) Object.assign(worker, { spec, state })
      pump()
    },
    changeWorker(spec) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) worker.spec = spec
      pump()
    },
    wake: pump,
    setLoad(spec, cpuRatio) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) worker.cpuRatio = cpuRatio
    },
    add(jobs) {
      for (const job of jobs) lanes.push(job)
      pump()
    },
    seal() {
      isSealed = true
      pump()
    },
    drained,
  }

  /** Starts all that can start. Callbacks may call back into the scheduler: the outermost call goes round again. */
  function pump(): void {
    if (isPumping) {
      mustPumpAgain = true
      return
    }
    isPumping = true
    do {
      mustPumpAgain = false
      if (!isStopped()) while (placeOne());
    } while (mustPumpAgain)
    isPumping = false
    if (running === 0 && (isStopped() || (isSealed && lanes.size === 0))) {
      over.abort()
      settleDrained(lanes.list().map((entry) => entry.job))
    }
  }

  function isStopped(): boolean {
    return signal.aborted || options.draining?.aborted === true
  }

  /** Starts or gives up one job; false when none can be. */
  function placeOne(): boolean {
    let start: (() => void) | undefined
    const roomless = new Map<Entry<Job>, readonly Lack[]>()
    let isAsking = false
    const entry = lanes.takeFirst((waiting) => {
      const candidates = candidatesFor(waiting)
      // Hosts that failed at it may have shown meanwhile that they can be believed.
      if (candidates.length === 0 || isCondemned(waiting)) {
        start = () => giveUp(waiting)
        return 'take'
      }
      const chosen = running < (options.maxRunning ?? Number.POSITIVE_INFINITY) ? chooseFree(waiting, candidates) : undefined
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
    if (running === 0 && !isAsking && [...roomless.keys()].some(giveUpForRoom)) return true
    for (const [{ job }, lacks] of roomless) options.room?.onLack(job, lacks)
    return false
  }

  /** Hosts that are up or expected, can do the job and have not failed at it; none where all of them would be waited for in vain. */
  function candidatesFor(entry: Entry<Job>): readonly Candidate[] {
    const candidates = [...workers.values()].flatMap((worker) => {
      if (worker.state === 'gone' || entry.failedOn.has(worker)) return []
      const fit = fitOn(entry, worker)
      return fit === undefined ? [] : [{ worker, fit }]
    })
    return candidates.every(({ worker }) => breaker.isHopeless(worker)) ? [] : candidates
  }

  function fitOn(entry: Entry<Job>, worker: Worker): Fit | undefined {
    const barred = entry.barred.get(worker)
    return findFit(worker, entry.job, (form) => barred?.has(form) === true)
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

  function begin(entry: Entry<Job>, { worker, fit }: Candidate): void {
    worker.taken.set(fit.queue, (worker.taken.get(fit.queue) ?? 0) + 1)
    running += 1
    entry.attempts += 1
    entry.stayOn = undefined
    breaker.started(worker, entry.job.id)
    const startedMs = clock.now()
    void options.runJob(entry.job, worker.spec, entry.attempts, fit.form).then((outcome) => {
      worker.taken.set(fit.queue, (worker.taken.get(fit.queue) ?? 1) - 1)
      running -= 1
      if (outcome.kind === 'done') speeds.learn(worker.spec, entry.job.profile, entry.job.work / ((clock.now() - startedMs) / 1000))
      settle(entry, { worker, fit }, outcome)
      pump()
    })
  }

  function settle(entry: Entry<Job>, { worker, fit }: Candidate, outcome: JobOutcome): void {
    if (outcome.kind === 'done' || outcome.kind === 'skipped') breaker.succeeded(worker)
    else if (outcome.kind === 'interrupted' || outcome.retry !== 'elsewhere') breaker.ended(worker, entry.job.id)

    if (outcome.kind === 'interrupted' || (signal.aborted && outcome.kind === 'failed')) lanes.putBack(entry)
    else if (outcome.kind !== 'failed') conclude(entry, outcome, worker)
    else if (outcome.retry === 'never') conclude(entry, outcome, worker, true)
    else if (outcome.retry === 'crowded' && lowerQueue(worker, fit.queue, outcome.reason)) tryAgain(entry, worker, outcome)
    else if ((outcome.retry === 'crowded' || outcome.retry === 'variant') && barForm(entry, worker, fit.form)) {
      entry.stayOn = worker
      tryAgain(entry, worker, outcome)
    } else if (outcome.retry === 'no-room') settleFullDisk(entry, worker, outcome)
    else settleSetback(entry, worker, outcome)
  }

  /** One slot less; false where nothing else runs in that queue, so that it cannot be full. */
  function lowerQueue(worker: Worker, queue: string, reason: string): boolean {
    if ((worker.taken.get(queue) ?? 0) === 0) return false
    if (countSlots(worker, queue) > 1) {
      worker.lowered.set(queue, (worker.lowered.get(queue) ?? 0) + 1)
      options.onLowered(worker.spec, queue, countSlots(worker, queue), reason)
    }
    return true
  }

  /** Bars a form on a host; false where it has no other. */
  function barForm(entry: Entry<Job>, worker: Worker, form: JobForm): boolean {
    const barred = entry.barred.get(worker) ?? new Set()
    entry.barred.set(worker, barred.add(form))
    return fitOn(entry, worker) !== undefined
  }

  function settleSetback(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    if (outcome.retry === 'lost') entry.losses += 1
    else entry.failedOn.set(worker, outcome.reason)
    if (outcome.retry === 'elsewhere') {
      entry.faults.add(worker)
      breaker.failed(worker, entry.job.id, outcome.reason)
    }
    if (outcome.retry === 'lost' && worker.state === 'up') {
      worker.state = 'expected'
      options.onLost(worker.spec, outcome.reason)
    }
    tryAgainOrEnd(entry, worker, outcome)
  }

  /** Nothing is known against file or host; but what never fits, although there seems to be room, must come to an end. */
  function settleFullDisk(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    const times = (entry.fullDisks.get(worker) ?? 0) + 1
    entry.fullDisks.set(worker, times)
    if (times >= MAX_FULL_DISKS_A_HOST) entry.failedOn.set(worker, outcome.reason)
    tryAgainOrEnd(entry, worker, outcome)
  }

  function tryAgainOrEnd(entry: Entry<Job>, worker: Worker, outcome: FailedOutcome): void {
    const isFiles = isCondemned(entry)
    const fullDisks = [...entry.fullDisks.values()].reduce((sum, times) => sum + times, 0)
    const isOver = isFiles || entry.losses >= MAX_LOSSES || fullDisks >= MAX_FULL_DISKS || candidatesFor(entry).length === 0
    if (isOver) {
      const reason = entry.failedOn.has(worker) ? joinReasons(entry) : withReasons(entry, outcome.reason)
      conclude(entry, { ...outcome, reason }, worker, isFiles)
    } else tryAgain(entry, worker, outcome)
  }

  function isCondemned({ faults, job }: Entry<Job>): boolean {
    if (faults.size < WITNESSES_NEEDED) return false
    return [...faults].filter((worker) => breaker.isWitness(worker, job.id)).length >= WITNESSES_NEEDED
  }

  /** The end of a job answers whose fault its failures were. */
  function conclude(entry: Entry<Job>, outcome: FinalOutcome, worker: Worker | undefined, isFiles = false): void {
    options.onSettled(entry.job, outcome, worker?.spec)
    for (const failing of entry.faults) {
      if (outcome.kind === 'failed') breaker.clear(failing, entry.job.id, isFiles)
      else breaker.blame(failing, entry.job.id)
    }
  }

  function tryAgain(entry: Entry<Job>, worker: Worker, { reason }: FailedOutcome): void {
    options.onRetry(entry.job, worker.spec, reason)
    lanes.putBack(entry)
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
    if (last !== undefined && isCondemned(entry)) {
      conclude(entry, { kind: 'failed', reason: joinReasons(entry), log: null, retry: 'never' }, last, true)
      return
    }
    const reason = withReasons(entry, describeUnplaced(entry, workers.values(), breaker))
    conclude(entry, { kind: 'failed', reason, log: null, retry: 'never' }, undefined)
  }
}

function keyOf({ cluster, name }: Pick<WorkerSpec, 'cluster' | 'name'>): string {
  return JSON.stringify([cluster, name])
}
