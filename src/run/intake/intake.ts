/** Where a run's jobs come from: planned from targets and a queue file, or taken over from a controller that died. */

import type { Emit } from '../../model/events.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { MountedSample } from '../hosts/mounted-check.ts'

export interface Intake {
  /** The jobs known at the start; they are in the ledger when it returns. Called once, after the run itself is written down. */
  first(emit: Emit): Promise<readonly JobPlan[]>
  /** Files that were found and are still to be looked into. */
  readonly unplanned?: Unplanned | undefined
  /** Hands over jobs that turn up later, until there are none and `isIdle`. Undefined: none will. */
  readonly feed?: ((feeding: Feeding) => Promise<void>) | undefined
  /** A job is done, skipped (both count as complete) or failed. */
  settle(plan: JobPlan, isComplete: boolean): Promise<void>
}

export interface Unplanned {
  /** All files of the run, planned or not. */
  readonly files: number
  readonly samples: readonly MountedSample[]
}

export interface Feeding {
  readonly emit: Emit
  readonly add: (plans: readonly JobPlan[]) => void
  /** Whether every job that was handed over has ended. */
  readonly isIdle: () => boolean
  /** No further job shall be started. */
  readonly signal: AbortSignal
  /** The run is broken off: nothing is taken in any more. While it only drains, what it was asked for is. */
  readonly ending: AbortSignal
}
