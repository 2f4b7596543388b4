/** How large a result will be: the worst that the last jobs of the same profile made of sources of its size, with a margin. */

import type { FinishedSize } from '../../ledger/finished-jobs.ts'
import type { JobPlan } from '../../model/plan.ts'

export interface ResultSizes {
  expect(plan: JobPlan): number
  learn(profile: string, size: FinishedSize): void
}

/** Jobs of a profile that are remembered: enough to know the worst of them, few enough to forget how the profile once was. */
const REMEMBERED_JOBS = 20
const MARGIN = 1.1
/** A clip of some seconds tells nothing of a film: what a container adds by itself outweighs it. */
const LEAST_PART = 0.1
/** Where nothing is known: as large as its source. */
const UNKNOWN_RATIO = 1

/** @param recall the latest jobs of a profile, in any order. */
export function createResultSizes(recall: (profile: string, limit: number) => readonly FinishedSize[]): ResultSizes {
  const known = new Map<string, FinishedSize[]>()

  function sizesOf(profile: string): FinishedSize[] {
    const sizes = known.get(profile) ?? [...recall(profile, REMEMBERED_JOBS)]
    known.set(profile, sizes)
    return sizes
  }

  return {
    expect({ profile, source: { sizeBytes } }) {
      const alike = sizesOf(profile.name).filter(({ sourceBytes }) => sourceBytes > 0 && sourceBytes >= sizeBytes * LEAST_PART)
      const ratios = alike.map(({ sourceBytes, resultBytes }) => resultBytes / sourceBytes)
      const ratio = ratios.length === 0 ? UNKNOWN_RATIO : Math.max(...ratios) * MARGIN
      // With a threshold, what does not become smaller is thrown away.
      return Math.ceil(sizeBytes * (profile.threshold > 0 ? Math.min(1, ratio) : ratio))
    },
    learn(profile, size) {
      const sizes = sizesOf(profile)
      sizes.push(size)
      if (sizes.length > REMEMBERED_JOBS) sizes.shift()
    },
  }
}
