/** What a scheduler is given: how jobs are run, who is told of what, and what is known beforehand. */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import type { Attempt } from './attempt.ts'
import type { SetAside } from './circuit-breaker.ts'
import type { FinalOutcome } from './conclude.ts'
import type { ScheduledJob } from './job-form.ts'
import type { RoomKeeper } from './room.ts'
import type { KnownLink, KnownSpeed, LearnedSpeed, TriedSpeed } from './speeds.ts'
import type { StrategyName } from './strategy.ts'
import type { WorkerSpec } from './worker.ts'

export interface SchedulerOptions<Job extends ScheduledJob> {
  readonly strategy: StrategyName
  /** Jobs at a time over all hosts; undefined = as many as there are slots. */
  readonly maxRunning?: number
  readonly clock: Clock
  /** No job is started once it is aborted; those under way are expected to end by themselves. */
  readonly signal: AbortSignal
  /** No job is started once it is aborted; those under way go on to their ends, and what fails there and may be tried again waits. */
  readonly draining?: AbortSignal | undefined
  /**
   * Jobs a slot that may be placed on a host beyond its free slots: their sources are fetched while others encode. Not asked where one job
   * runs at a time. Undefined = 0.
   */
  readonly ahead?: (worker: WorkerSpec) => number
  /** Runs one attempt (the first is 1). Must not reject. */
  readonly runJob: (job: Job, worker: WorkerSpec, attempt: Attempt) => Promise<JobOutcome>
  readonly onRetry: (job: Job, worker: WorkerSpec, reason: string) => void
  /**
   * An attempt that had not begun to encode was withdrawn and has ended: its job waits again, which counts against nobody. The attempt that
   * loses against another one at the same job is not told of.
   */
  readonly onWithdrawn?: (job: Job, worker: WorkerSpec, reason: string) => void
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
  /** What was learned in earlier runs. */
  readonly knownSpeeds?: readonly KnownSpeed[]
  readonly knownLinks?: readonly KnownLink[]
  readonly triedSpeeds?: readonly TriedSpeed[]
  /** A host did a job; its speed as it is by now. */
  readonly onSpeed?: (learned: LearnedSpeed) => void
}
