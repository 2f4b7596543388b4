/** The order in which hosts that could take a job are shown to a strategy, which takes the first of those it finds equal. */

import { countPreferred, type Fit } from './find-fit.ts'
import type { Worker } from './worker.ts'

export interface Candidate {
  readonly worker: Worker
  readonly fit: Fit
}

/** Those with most preferred labels first, then those that can do the better form, then as they come. */
export function rankCandidates(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => countPreferred(b.worker, b.fit) - countPreferred(a.worker, a.fit) || a.fit.rank - b.fit.rank)
}
