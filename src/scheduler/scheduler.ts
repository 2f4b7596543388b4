/**
 * Waiting jobs, slots, placement and retry. Knows no SSH and no ffmpeg: it is given `runJob`.
 *
 * What was added is started, given up or still waiting, never in two places: a job leaves its lane in the moment a slot is
 * reserved for it, and comes back only after its `runJob` has settled.
 */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import { describeNearestMiss, type Fit, findFit, type JobForm, type ScheduledJob } from './job-form.ts'
import { createLanes, type Entry } from './lanes.ts'
import { type Candidate, rankCandidates } from './rank-candidates.ts'
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
  /** Runs one attempt (the first is 1). Must not reject. */
  readonly runJob: (job: Job, worker: WorkerSpec, attempt: number, form: JobForm) => Promise<JobOutcome>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  /** The job will not be tried (again). `worker` is the last that tried it. */
  readonly onSettled: (job: Job, outcome: Exclude<JobOutcome, { kind: 'interrupted' }>, worker: WorkerSpec | undefined) => void
  /** A host was lost while it had a job; it counts as expected until `setWorker` says otherwise. */
  readonly onLost: (worker: WorkerSpec, reason: string) => void
  /** A queue of a host has fewer slots than was said; `slots` are what it counts with from now on. */
  readonly onLowered: (worker: WorkerSpec, queue: string, slots: number, reason: string) => void
}

export interface Scheduler<Job extends ScheduledJob> {
  /** Announces a host that may come up. Jobs wait for it. */
  expectWorker(spec: WorkerSpec): void
  /** What is known of it by now, and where it stands. */
  setWorker(spec: WorkerSpec, state: Worker['state']): void
  /** It turned out to have other traits. */
  changeWorker(spec: WorkerSpec): void
  setLoad(spec: Pick<WorkerSpec, 'cluster' | 'name'>, cpuRatio: number): void
  add(jobs: readonly Job[]): void
  /** No more jobs will be added. */
  seal(): void
  /** Resolves when it is sealed (or aborted) and nothing runs or waits any more. Jobs that still wait after an abort are the result. */
  readonly drained: Promise<readonly Job[]>
}

/** Attempts at one job over all hosts: enough to outlive two dying hosts, few enough that a file which kills hosts is found out. */
const MAX_SETBACKS = 4

type FailedOutcome = JobOutcome & { readonly kind: 'failed' }

export function createScheduler<Job extends ScheduledJob>(options: SchedulerOptions<Job>): Scheduler<Job> {
  const { signal, clock } = options
  const workers = new Map<string, Worker>()
  const lanes = createLanes<Job>()
  const speeds = createSpeeds()
  const choose = createStrategy(options.strategy, speeds)
  const { promise: drained, resolve: settleDrained } = Promise.withResolvers<readonly Job[]>()
  let running = 0
  let isSealed = false
  let isPumping = false
  let mustPumpAgain = false

  signal.addEventListener('abort', pump, { once: true })

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
      if (!signal.aborted) while (placeOne());
    } while (mustPumpAgain)
    isPumping = false
    if (running === 0 && (signal.aborted || (isSealed && lanes.size === 0))) settleDrained(lanes.list().map((entry) => entry.job))
  }

  /** Starts or gives up one job; false when none can be. */
  function placeOne(): boolean {
    let start: (() => void) | undefined
    const entry = lanes.takeFirst((waiting) => {
      const candidates = candidatesFor(waiting)
      if (candidates.length === 0) {
        start = () => giveUp(waiting)
        return 'take'
      }
      const chosen = running < (options.maxRunning ?? Number.POSITIVE_INFINITY) ? chooseFree(waiting, candidates) : undefined
      // A job that was tried before has fewer hosts to go to than those behind it.
      if (chosen === undefined) return waiting.attempts > 0 ? 'next' : 'full'
      start = () => begin(waiting, chosen)
      return 'take'
    })
    start?.()
    return entry !== undefined
  }

  /** Hosts that are up or expected, can do the job and have not failed at it. */
  function candidatesFor(entry: Entry<Job>): readonly Candidate[] {
    return [...workers.values()].flatMap((worker) => {
      if (worker.state === 'gone' || entry.failedOn.has(worker)) return []
      const fit = fitOn(entry, worker)
      return fit === undefined ? [] : [{ worker, fit }]
    })
  }

  function fitOn(entry: Entry<Job>, worker: Worker): Fit | undefined {
    const barred = entry.barred.get(worker)
    return findFit(worker, entry.job, (form) => barred?.has(form) === true)
  }

  function chooseFree(entry: Entry<Job>, candidates: readonly Candidate[]): Candidate | undefined {
    const free = candidates.filter(({ worker, fit }) => countFreeSlots(worker, fit.queue) > 0)
    const staying = free.find(({ worker }) => worker === entry.stayOn)
    if (staying !== undefined) return staying
    const ranked = rankCandidates(free)
    const [first, ...rest] = ranked.map(({ worker }) => worker)
    if (first === undefined) return undefined
    const chosen = choose([first, ...rest], entry.job)
    return ranked.find(({ worker }) => worker === chosen)
  }

  function begin(entry: Entry<Job>, { worker, fit }: Candidate): void {
    worker.taken.set(fit.queue, (worker.taken.get(fit.queue) ?? 0) + 1)
    running += 1
    entry.attempts += 1
    entry.stayOn = undefined
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
    if (outcome.kind === 'interrupted' || (signal.aborted && outcome.kind === 'failed')) lanes.putBack(entry)
    else if (outcome.kind !== 'failed' || outcome.retry === 'never') options.onSettled(entry.job, outcome, worker.spec)
    else if (outcome.retry === 'crowded' && lowerQueue(worker, fit.queue, outcome.reason)) tryAgain(entry, worker, outcome)
    else if ((outcome.retry === 'crowded' || outcome.retry === 'variant') && barForm(entry, worker, fit.form)) {
      entry.stayOn = worker
      tryAgain(entry, worker, outcome)
    } else settleSetback(entry, worker, outcome)
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
    entry.setbacks += 1
    if (outcome.retry !== 'lost') entry.failedOn.set(worker, outcome.reason)
    else if (worker.state === 'up') {
      worker.state = 'expected'
      options.onLost(worker.spec, outcome.reason)
    }
    const isOver = entry.setbacks >= MAX_SETBACKS || candidatesFor(entry).length === 0
    if (isOver) options.onSettled(entry.job, { ...outcome, reason: withEarlierReasons(entry, outcome.reason) }, worker.spec)
    else tryAgain(entry, worker, outcome)
  }

  function tryAgain(entry: Entry<Job>, worker: Worker, { reason }: FailedOutcome): void {
    options.onRetry(entry.job, worker.spec, reason)
    lanes.putBack(entry)
  }

  function giveUp(entry: Entry<Job>): void {
    const { cluster } = entry.job
    const here = [...workers.values()].filter(({ state }) => state !== 'gone')
    const miss = entry.attempts === 0 ? describeNearestMiss(here, entry.job) : ''
    const reason =
      miss === '' ? `No host of cluster "${cluster}" is left that can take it` : `No host of cluster "${cluster}" can do it: ${miss}`
    options.onSettled(entry.job, { kind: 'failed', reason: withEarlierReasons(entry, reason), log: null, retry: 'never' }, undefined)
  }
}

function withEarlierReasons<Job extends ScheduledJob>(entry: Entry<Job>, reason: string): string {
  const reasons = new Set([reason])
  for (const [worker, earlier] of entry.failedOn) if (earlier !== reason) reasons.add(`${worker.spec.name}: ${earlier}`)
  return [...reasons].join('; ')
}

function keyOf({ cluster, name }: Pick<WorkerSpec, 'cluster' | 'name'>): string {
  return JSON.stringify([cluster, name])
}
