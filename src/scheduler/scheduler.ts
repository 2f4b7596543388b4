/**
 * Waiting jobs, slots, placement (place-jobs.ts) and retry (settle-attempt.ts). Knows no SSH and no ffmpeg: it is given `runJob`.
 *
 * What was added is started, given up or still waiting, never in two places: a job leaves its lane in the moment a slot is
 * reserved for it, and comes back only after its `runJob` has settled.
 */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import { createCircuitBreaker, type SetAside } from './circuit-breaker.ts'
import { createConclude, type FinalOutcome } from './conclude.ts'
import type { JobForm, ScheduledJob } from './job-form.ts'
import { createLanes, type Entry } from './lanes.ts'
import { createPlaceOne } from './place-jobs.ts'
import type { Candidate } from './rank-candidates.ts'
import type { RoomKeeper } from './room.ts'
import { createSettle } from './settle-attempt.ts'
import { createSpeeds } from './speeds.ts'
import { createStrategy, type StrategyName } from './strategy.ts'
import { createWorker, type Worker, type WorkerSpec } from './worker.ts'

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
  readonly onSettled: (job: Job, outcome: FinalOutcome, worker: WorkerSpec | undefined) => void
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

const DEFAULT_MAX_FAILURES = 3

export function createScheduler<Job extends ScheduledJob>(options: SchedulerOptions<Job>): Scheduler<Job> {
  const { signal, clock } = options
  const workers = new Map<string, Worker>()
  const lanes = createLanes<Job>()
  const speeds = createSpeeds()
  const { promise: drained, resolve: settleDrained } = Promise.withResolvers<readonly Job[]>()
  const over = new AbortController()
  const breaker = createCircuitBreaker({
    ...options,
    maxFailures: options.maxFailures ?? DEFAULT_MAX_FAILURES,
    signal: AbortSignal.any([signal, over.signal]),
    onChange: pump,
  })
  const conclude = createConclude<Job>(breaker, options.onSettled)
  const settle = createSettle({ ...options, workers, lanes, breaker, conclude })
  const placeOne = createPlaceOne({
    ...{ workers, lanes, breaker, begin, conclude },
    choose: createStrategy(options.strategy, speeds),
    maxRunning: options.maxRunning,
    countRunning: () => running,
    room: options.room,
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
}

function keyOf({ cluster, name }: Pick<WorkerSpec, 'cluster' | 'name'>): string {
  return JSON.stringify([cluster, name])
}
