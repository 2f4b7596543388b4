/**
 * Looks after the source while its result is made: a download that goes on, a film that somebody edits or moves away. The result would be
 * thrown away in the end, perhaps hours later; so the work ends now.
 */

import { lstat } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import type { JobPlan } from '../model/plan.ts'
import { statUnchanged } from './replace.ts'

export interface SourceWatch {
  /** Aborted with SOURCE_CHANGED. */
  readonly signal: AbortSignal
  /** From now on the source may change: it is about to be replaced. */
  end(): void
}

const LOOK_EVERY_MS = 5_000
/** A share that is mounted again within seconds has lost nothing; one look later it counts. */
const LOOKS_WITHOUT = 2
/** Without a reason Node makes an error with a trace, for each job. */
const OVER = 'over'

export function watchSource({ plan, clock }: { readonly plan: JobPlan; readonly clock: Clock }): SourceWatch {
  const changed = new AbortController()
  const ended = new AbortController()
  void look()
  return { signal: changed.signal, end: () => ended.abort(OVER) }

  async function look(): Promise<void> {
    let misses = 0
    try {
      while (!ended.signal.aborted) {
        await clock.sleep(LOOK_EVERY_MS, ended.signal)
        const isThere = await lstat(plan.source.path).then(
          () => true,
          () => false,
        )
        misses = isThere ? 0 : misses + 1
        if (isThere || misses === LOOKS_WITHOUT) await statUnchanged(plan)
      }
    } catch (error) {
      if (!ended.signal.aborted) changed.abort(error)
    }
  }
}
