/** The outcome of planning, file by file. */

import type { JobPlan } from '../model/plan.ts'
import type { Target } from './target.ts'

/** What became of one source of a target. */
export type PlannedFile = { readonly target: Target } & (
  | { readonly kind: 'job'; readonly plan: JobPlan }
  | { readonly kind: 'skipped'; readonly file: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly file: string; readonly reason: string }
)
