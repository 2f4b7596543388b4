/**
 * Waiting jobs, slots, placement (place-jobs.ts) and retry (settle-attempt.ts). Knows no SSH and no ffmpeg: it is given `runJob`.
 *
 * What was added is started, given up or still waiting, never in two places: a job leaves its lane in the moment a slot is
 * reserved for it, and comes back only after its `runJob` has settled.
 */

import type { JobOutcome } from '../model/outcome.ts'
import type { LiveAttempt } from './attempt.ts'
import { createAttempts } from './attempts.ts'
import { createCircuitBreaker } from './circuit-breaker.ts'
import { type Coming, createComing } from './coming.ts'
import { createConclude } from './conclude.ts'
import { createCandidates } from './find-candidates.ts'
import { createForesight } from './foresight.ts'
import type { ScheduledJob } from './job-form.ts'
import { createLanes, type Entry } from './lanes.ts'
import { learnFromAttempt } from './learn-from-attempt.ts'
import { createMistrust } from './mistrust.ts'
import { createPlaceOne, type Placed } from './place-jobs.ts'
import { createPlaces } from './places.ts'
import type { Candidate } from './rank-candidates.ts'
import { createRelief } from './relieve-busy.ts'
import type { SchedulerOptions } from './scheduler-options.ts'
import { createSettle } from './settle-attempt.ts'
import { createSpeeds, type KnownLink, type KnownSpeed, type TriedSpeed } from './speeds.ts'
import { createStrategy } from './strategy.ts'
import { createTimetable } from './timetable.ts'
import { createWorker, type Worker, type WorkerSpec } from './worker.ts'

export interface Scheduler<Job extends ScheduledJob> {
  /** Announces a host that may come up. Jobs wait for it; by `fastest` they may be left for one that comes, as for one that is busy. */
  expectWorker(spec: WorkerSpec, coming?: Coming): void
  /** What is known of it by now, and where it stands. */
  setWorker(spec: WorkerSpec, state: Worker['state']): void
  /** It turned out to have other traits. */
  changeWorker(spec: WorkerSpec): void
  /** What earlier runs learned of a host, before it is up; what this run has learned of it counts more. */
  seed(speeds: readonly KnownSpeed[], links: readonly KnownLink[]): void
  /** How fast encoders of a host were when they were tried. */
  seedTrials(trials: readonly TriedSpeed[]): void
  /** There may be room where there was none. */
  wake(): void
  setLoad(spec: Pick<WorkerSpec, 'cluster' | 'name'>, cpuRatio: number): void
  add(jobs: readonly Job[]): void
  /** No more jobs will be added. */
  seal(): void
  /** Resolves when it is sealed, aborted or drained and nothing runs or waits any more. Jobs that still wait after an abort or draining are the result. */
  readonly drained: Promise<readonly Job[]>
}

const DEFAULT_MAX_FAILURES = 3

/** Between two looks at jobs that wait for a faster host. */
const SHORTEST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000

export function createScheduler<Job extends ScheduledJob>(options: SchedulerOptions<Job>): Scheduler<Job> {
  const { signal, clock } = options
  const workers = new Map<string, Worker>()
  const lanes = createLanes<Job>()
  const speeds = createSpeeds()
  const { promise: drained, resolve: settleDrained } = Promise.withResolvers<readonly Job[]>()
  const over = new AbortController()
  const isOver = AbortSignal.any([signal, over.signal])
  const breaker = createCircuitBreaker({
    ...options,
    maxFailures: options.maxFailures ?? DEFAULT_MAX_FAILURES,
    signal: isOver,
    onChange: pump,
  })
  const maxRunning = options.maxRunning ?? Number.POSITIVE_INFINITY
  const candidates = createCandidates<Job>(workers, breaker)
  const comingHosts = createComing({
    ...{ workers, speeds, clock, signal: isOver },
    onLate() {
      forget()
      pump()
    },
  })
  const timetable = createTimetable(speeds, clock)
  const mistrust = createMistrust()
  const attempts = createAttempts<Job>({
    ...{ clock, signal, speeds, timetable, maxRunning, onRelease: pump, onPace: pump, onEnd },
    runJob: options.runJob,
    onFetched({ place }) {
      // The next one may come.
      if (places.ahead(place.worker) > 0) pump()
    },
  })
  const places = createPlaces<Job>({
    ...{ breaker, maxRunning, clock, ahead: options.ahead },
    isForeseen: options.strategy === 'fastest' ? ({ worker }, job) => speeds.knows(worker.spec, job) : undefined,
    fetchSeconds: timetable.fetchSeconds,
    countRunning: () => attempts.running,
    countUnderWay: () => attempts.count,
  })
  const foresight =
    options.strategy === 'fastest'
      ? createForesight({
          ...{ lanes, candidates, breaker, speeds, timetable, places, mistrust, clock, maxRunning },
          countChanges: () => attempts.changes,
        })
      : undefined
  const conclude = createConclude<Job>(breaker, options.onSettled)
  const settle = createSettle({ ...options, candidates, lanes, breaker, conclude })
  const placeOne = createPlaceOne({
    ...{ workers, lanes, candidates, breaker, foresight, places, conclude },
    choose: createStrategy(options.strategy, ({ worker, fit }, job) => timetable.endOfNew(worker, fit.queue, job)),
    begin: (entry, place) => start(entry, place, false),
    isAnyComing: comingHosts.isAny,
    countRunning: () => attempts.running,
    countUnderWay: () => attempts.count,
    room: options.room,
  })
  const relieve =
    options.strategy === 'fastest'
      ? createRelief<Job>({
          ...{ workers, lanes, candidates, attempts, places, breaker, speeds, timetable, room: options.room },
          copy: (entry, place) => start(entry, place, true),
        })
      : undefined
  seed(options.knownSpeeds ?? [], options.knownLinks ?? [])
  seedTrials(options.triedSpeeds ?? [])
  let isSealed = false
  let isPumping = false
  let isLookingAgain = false
  let mustPumpAgain = false

  signal.addEventListener('abort', pump, { once: true })
  options.draining?.addEventListener('abort', pump, { once: true })

  return {
    expectWorker(spec, coming) {
      const worker = createWorker(spec, speeds.linkOf)
      workers.set(keyOf(spec), worker)
      candidates.forget()
      if (coming !== undefined) comingHosts.add(worker, coming)
    },
    setWorker(spec, state) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) change(worker, { spec, state, comingUntilMs: undefined })
    },
    changeWorker(spec) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) change(worker, { spec })
    },
    seed,
    seedTrials,
    wake: pump,
    setLoad(spec, cpuRatio) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) worker.cpuRatio = cpuRatio
    },
    add(jobs) {
      lanes.push(jobs)
      pump()
    },
    seal() {
      isSealed = true
      pump()
    },
    drained,
  }

  function change(worker: Worker, to: Partial<Worker>): void {
    Object.assign(worker, to)
    timetable.forget(worker)
    forget()
    pump()
  }

  function seed(knownSpeeds: readonly KnownSpeed[], knownLinks: readonly KnownLink[]): void {
    for (const known of knownSpeeds) speeds.seed(known)
    for (const known of knownLinks) speeds.seedLink(known)
    forget()
  }

  function seedTrials(trials: readonly TriedSpeed[]): void {
    for (const trial of trials) speeds.seedTrial(trial)
    forget()
  }

  function forget(): void {
    candidates.forget()
    timetable.forget()
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
      withdrawAhead()
      attempts.grant()
      if (!isStopped()) placeAll()
    } while (mustPumpAgain)
    isPumping = false
    if (attempts.count === 0 && (isStopped() || (isSealed && lanes.size === 0))) {
      over.abort()
      settleDrained(lanes.list().map((entry) => entry.job))
    }
  }

  function placeAll(): void {
    if (foresight !== undefined) {
      lanes.order = isOneByOne() ? 'oldest' : 'longest'
      foresight.look()
      // Before hosts that are idle now are given what waits.
      const lateSeconds = lanes.order === 'longest' ? foresight.findLate() : undefined
      if (lateSeconds !== undefined) relieve?.(lateSeconds)
    }
    let placed: Placed = 'one'
    while (placed === 'one') placed = placeOne()
    if (relieve?.() === 'watching' || placed === 'waiting') void lookAgain()
  }

  function start(entry: Entry<Job>, place: Candidate, isCopy: boolean): void {
    breaker.started(place.worker, entry.job.id)
    attempts.start(entry, place, isCopy)
  }

  /** Where one job runs at a time, nothing is gained by another order than the one given. */
  function isOneByOne(): boolean {
    if (maxRunning === 1) return true
    let slots = 0
    for (const { state, spec } of workers.values()) {
      if (state === 'gone') continue
      const own = spec.queues === undefined ? 2 : Object.values(spec.queues).reduce((sum, count) => sum + count, 0)
      slots += Math.min(own, spec.maxJobs ?? own)
      if (slots > 1) return false
    }
    return true
  }

  /** Hosts are idle. Should those that are busy take longer than expected, the idle ones may be better after all. */
  async function lookAgain(): Promise<void> {
    if (isLookingAgain) return
    isLookingAgain = true
    const left = [...attempts.list()].map((attempt) => (timetable.endOf(attempt.place.worker, attempt) ?? 0) * 1000)
    const waitMs = Math.min(Math.max(Math.min(...left), SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
    await clock.sleep(waitMs, isOver).catch(() => {})
    isLookingAgain = false
    if (!isOver.aborted) pump()
  }

  function isStopped(): boolean {
    return signal.aborted || options.draining?.aborted === true
  }

  /** Nothing more is started there: what waits for a slot waits again for any host. */
  function withdrawAhead(): void {
    if (options.ahead === undefined) return
    const isStop = isStopped()
    for (const worker of workers.values()) {
      if (worker.underWay.size === 0) continue
      if (isStop) attempts.withdrawAhead(worker, 'Nothing more is started')
      else if (worker.state !== 'up' || breaker.stateOf(worker) !== 'free') {
        attempts.withdrawAhead(worker, `Host "${worker.spec.name}" gets no more jobs`)
      }
    }
  }

  function onEnd(attempt: LiveAttempt<Job>, outcome: JobOutcome): void {
    const { worker } = attempt.place
    if (outcome.kind === 'done') {
      mistrust.note(worker, attempt.spent().encodeSeconds, speeds.encodeSeconds(worker.spec, attempt.job) ?? Number.NaN)
      const learned = learnFromAttempt(attempt, speeds)
      if (learned !== undefined) options.onSpeed?.(learned)
    }
    if (outcome.kind === 'failed' && outcome.retry === 'lost') {
      for (const other of worker.underWay) if (other.phase === 'waiting') other.withdraw(`Host "${worker.spec.name}" was lost`)
    }
    settle(attempt, outcome)
    timetable.forget(worker)
    pump()
  }
}

function keyOf({ cluster, name }: Pick<WorkerSpec, 'cluster' | 'name'>): string {
  return JSON.stringify([cluster, name])
}
