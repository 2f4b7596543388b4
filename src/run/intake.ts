/** Where a run's jobs come from: planned from targets and a queue file, or taken over from a controller that died. */

import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'

export interface Intake {
  /** The jobs known at the start; they are in the ledger when it returns. Called once, after the run itself is written down. */
  first(emit: Emit): Promise<readonly JobPlan[]>
  /** Hands over jobs that turn up later, until there are none and `isIdle`. Undefined: none will. */
  readonly feed?: ((feeding: Feeding) => Promise<void>) | undefined
  /** A job is done, skipped (both count as complete) or failed. */
  settle(plan: JobPlan, isComplete: boolean): Promise<void>
}

export interface Feeding {
  readonly emit: Emit
  readonly add: (plans: readonly JobPlan[]) => void
  /** Whether every job that was handed over has ended. */
  readonly isIdle: () => boolean
  readonly signal: AbortSignal
}
