/** A host as the scheduler sees it: slots per queue, what it can do, and whether it is there. */

export interface WorkerSpec {
  readonly cluster: string
  readonly name: string
  /** Slots of each queue; undefined while nobody knows, because the host sets them when it comes up. */
  readonly queues: Readonly<Record<string, number>> | undefined
  /** Profiles that it takes; undefined = all. */
  readonly profiles: readonly string[] | undefined
  /** Jobs at a time over all queues; undefined = as many as there are slots. */
  readonly maxJobs?: number | undefined
  /** What it turned out to have; undefined until it first came up, and then it may have anything. */
  readonly traits?: WorkerTraits | undefined
}

export interface WorkerTraits {
  readonly labels: ReadonlySet<string>
  /** Why it cannot give what a form needs, as a clause ("has no encoder ..."); undefined when it can. */
  readonly lacks: (need: string) => string | undefined
}

/** An attempt that holds a slot. */
export interface UnderWay {
  readonly queue: string
  readonly startedMs: number
  /** When it will end as far as is known; undefined where nothing is. */
  endsMs: number | undefined
}

export interface Worker {
  spec: WorkerSpec
  /** `expected`: on its way up, jobs wait for it. `gone`: will not come (again) in this run. */
  state: 'expected' | 'up' | 'gone'
  /** Taken slots of each queue; reserved in the moment a job is placed. */
  readonly taken: Map<string, number>
  readonly underWay: Set<UnderWay>
  /** Slots of each queue that it turned out not to have after all. */
  readonly lowered: Map<string, number>
  /** Last known processor load, 1 = all cores busy; 0 until it is known. */
  cpuRatio: number
}

export function createWorker(spec: WorkerSpec): Worker {
  return { spec, state: 'expected', taken: new Map(), underWay: new Set(), lowered: new Map(), cpuRatio: 0 }
}

/** Slots of a queue, free or not. */
export function countSlots(worker: Worker, queue: string): number {
  return (worker.spec.queues?.[queue] ?? 0) - (worker.lowered.get(queue) ?? 0)
}

export function countFreeSlots(worker: Worker, queue: string): number {
  if (worker.state !== 'up') return 0
  const free = countSlots(worker, queue) - (worker.taken.get(queue) ?? 0)
  return Math.min(free, (worker.spec.maxJobs ?? Number.POSITIVE_INFINITY) - countRunning(worker))
}

export function countRunning(worker: Worker): number {
  let running = 0
  for (const taken of worker.taken.values()) running += taken
  return running
}

/** A job that takes longer than expected is expected to take this share more of what it has taken by then. */
const OVERRUN_SHARE = 0.1

/** Until an attempt ends, as far as is known. */
export function leftSeconds({ startedMs, endsMs = 0 }: UnderWay, nowMs: number): number {
  return Math.max(endsMs - nowMs, (nowMs - startedMs) * OVERRUN_SHARE) / 1000
}
