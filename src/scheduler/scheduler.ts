/**
 * Waiting jobs, slots, placement and retry. Knows no SSH and no ffmpeg: it is given `runJob`.
 *
 * What was added is started, given up or still waiting, never in two places: a job leaves its lane in the moment a slot is
 * reserved for it, and comes back only after its `runJob` has settled.
 */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import { createSpeeds } from './speeds.ts'
import { createStrategy, type StrategyName } from './strategy.ts'
import { countFreeSlots, createWorker, isCapable, type Worker, type WorkerSpec } from './worker.ts'

export interface ScheduledJob {
  readonly id: string
  readonly cluster: string
  readonly queue: string
  readonly profile: string
  /** Work in units that are the same for all hosts; only ratios count. */
  readonly work: number
}

export interface SchedulerOptions<Job extends ScheduledJob> {
  readonly strategy: StrategyName
  /** Jobs at a time over all hosts; undefined = as many as there are slots. */
  readonly maxRunning?: number
  readonly clock: Clock
  /** No job is started once it is aborted; those under way are expected to end by themselves. */
  readonly signal: AbortSignal
  /** Runs one attempt (the first is 1). Must not reject. */
  readonly runJob: (job: Job, worker: WorkerSpec, attempt: number) => Promise<JobOutcome>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  /** The job will not be tried (again). `worker` is the last that tried it. */
  readonly onSettled: (job: Job, outcome: Exclude<JobOutcome, { kind: 'interrupted' }>, worker: WorkerSpec | undefined) => void
  /** A host was lost while it had a job; it counts as expected until `setWorker` says otherwise. */
  readonly onLost: (worker: WorkerSpec, reason: string) => void
}

export interface Scheduler<Job extends ScheduledJob> {
  /** Announces a host that may come up. Jobs wait for it. */
  expectWorker(spec: WorkerSpec): void
  setWorker(spec: WorkerSpec, state: Worker['state']): void
  setLoad(spec: WorkerSpec, cpuRatio: number): void
  add(jobs: readonly Job[]): void
  /** No more jobs will be added. */
  seal(): void
  /** Resolves when it is sealed (or aborted) and nothing runs or waits any more. Jobs that still wait after an abort are the result. */
  readonly drained: Promise<readonly Job[]>
}

/** Attempts at one job over all hosts: enough to outlive two dying hosts, few enough that a file which kills hosts is found out. */
const MAX_ATTEMPTS = 4

interface Entry<Job> {
  readonly job: Job
  attempts: number
  readonly failedOn: Map<Worker, string>
}

export function createScheduler<Job extends ScheduledJob>(options: SchedulerOptions<Job>): Scheduler<Job> {
  const { signal, clock } = options
  const workers = new Map<string, Worker>()
  const lanes = new Map<string, Entry<Job>[]>()
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
      if (worker !== undefined) worker.state = state
      pump()
    },
    setLoad(spec, cpuRatio) {
      const worker = workers.get(keyOf(spec))
      if (worker !== undefined) worker.cpuRatio = cpuRatio
    },
    add(jobs) {
      for (const job of jobs) laneOf(job).push({ job, attempts: 0, failedOn: new Map() })
      pump()
    },
    seal() {
      isSealed = true
      pump()
    },
    drained,
  }

  function laneOf(job: ScheduledJob): Entry<Job>[] {
    const key = JSON.stringify([job.cluster, job.queue])
    const lane = lanes.get(key) ?? []
    lanes.set(key, lane)
    return lane
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
      if (!signal.aborted) for (const lane of lanes.values()) pumpLane(lane)
    } while (mustPumpAgain)
    isPumping = false
    const waiting = [...lanes.values()].flat()
    if (running === 0 && (signal.aborted || (isSealed && waiting.length === 0))) settleDrained(waiting.map((entry) => entry.job))
  }

  function pumpLane(lane: Entry<Job>[]): void {
    let index = 0
    while (index < lane.length && running < (options.maxRunning ?? Number.POSITIVE_INFINITY)) {
      const entry = lane[index]
      if (entry === undefined) return
      const candidates = candidatesFor(entry)
      const [first, ...rest] = candidates.filter((worker) => countFreeSlots(worker, entry.job.queue) > 0)
      if (first !== undefined) {
        lane.splice(index, 1)
        start(entry, choose([first, ...rest], entry.job))
      } else if (candidates.length === 0) {
        lane.splice(index, 1)
        giveUp(entry)
      } else if (hasFreeSlot(entry.job)) {
        index += 1
      } else {
        return
      }
    }
  }

  /** Hosts that are up or expected, can do the job and have not failed at it. */
  function candidatesFor(entry: Entry<Job>): readonly Worker[] {
    return [...workers.values()].filter((worker) => worker.state !== 'gone' && isCapable(worker, entry.job) && !entry.failedOn.has(worker))
  }

  function hasFreeSlot(job: ScheduledJob): boolean {
    for (const worker of workers.values()) if (worker.spec.cluster === job.cluster && countFreeSlots(worker, job.queue) > 0) return true
    return false
  }

  function start(entry: Entry<Job>, worker: Worker): void {
    const { queue } = entry.job
    worker.taken.set(queue, (worker.taken.get(queue) ?? 0) + 1)
    running += 1
    entry.attempts += 1
    const startedMs = clock.now()
    void options.runJob(entry.job, worker.spec, entry.attempts).then((outcome) => {
      worker.taken.set(queue, (worker.taken.get(queue) ?? 1) - 1)
      running -= 1
      if (outcome.kind === 'done') speeds.learn(worker.spec, entry.job.profile, entry.job.work / ((clock.now() - startedMs) / 1000))
      settle(entry, worker, outcome)
      pump()
    })
  }

  function settle(entry: Entry<Job>, worker: Worker, outcome: JobOutcome): void {
    if (outcome.kind === 'interrupted' || (signal.aborted && outcome.kind === 'failed')) {
      laneOf(entry.job).unshift(entry)
      return
    }
    if (outcome.kind !== 'failed' || outcome.retry === 'never') {
      options.onSettled(entry.job, outcome, worker.spec)
      return
    }
    if (outcome.retry === 'elsewhere') entry.failedOn.set(worker, outcome.reason)
    else if (worker.state === 'up') {
      worker.state = 'expected'
      options.onLost(worker.spec, outcome.reason)
    }
    const isOver = entry.attempts >= MAX_ATTEMPTS || candidatesFor(entry).length === 0
    if (isOver) {
      options.onSettled(entry.job, { ...outcome, reason: withEarlierReasons(entry, outcome.reason) }, worker.spec)
      return
    }
    options.onRetry(entry.job, worker.spec, outcome.reason)
    laneOf(entry.job).unshift(entry)
  }

  function giveUp(entry: Entry<Job>): void {
    const reason = withEarlierReasons(entry, `No host of cluster "${entry.job.cluster}" is left that can take it`)
    options.onSettled(entry.job, { kind: 'failed', reason, log: null, retry: 'never' }, undefined)
  }
}

function withEarlierReasons<Job>(entry: Entry<Job>, reason: string): string {
  const reasons = new Set([reason])
  for (const [worker, earlier] of entry.failedOn) if (earlier !== reason) reasons.add(`${worker.spec.name}: ${earlier}`)
  return [...reasons].join('; ')
}

function keyOf(spec: WorkerSpec): string {
  return JSON.stringify([spec.cluster, spec.name])
}
