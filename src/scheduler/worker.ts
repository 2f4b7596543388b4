/** A host as the scheduler sees it: slots per queue, and whether it is there. */

export interface WorkerSpec {
  readonly cluster: string
  readonly name: string
  /** Slots of each queue. */
  readonly queues: Readonly<Record<string, number>>
  /** Profiles that it takes; undefined = all. */
  readonly profiles: readonly string[] | undefined
}

export interface Worker {
  readonly spec: WorkerSpec
  /** `expected`: on its way up, jobs wait for it. `gone`: will not come (again) in this run. */
  state: 'expected' | 'up' | 'gone'
  /** Taken slots of each queue; reserved in the moment a job is placed. */
  readonly taken: Map<string, number>
  /** Last known processor load, 1 = all cores busy; 0 until it is known. */
  cpuRatio: number
}

export function createWorker(spec: WorkerSpec): Worker {
  return { spec, state: 'expected', taken: new Map(), cpuRatio: 0 }
}

export function countFreeSlots(worker: Worker, queue: string): number {
  if (worker.state !== 'up') return 0
  return (worker.spec.queues[queue] ?? 0) - (worker.taken.get(queue) ?? 0)
}

export function countRunning(worker: Worker): number {
  let running = 0
  for (const taken of worker.taken.values()) running += taken
  return running
}

/** Whether it could ever run such a job, free or not. */
export function isCapable(worker: Worker, job: { readonly cluster: string; readonly queue: string; readonly profile: string }): boolean {
  const { spec } = worker
  return (
    spec.cluster === job.cluster &&
    (spec.queues[job.queue] ?? 0) > 0 &&
    (spec.profiles === undefined || spec.profiles.includes(job.profile))
  )
}
