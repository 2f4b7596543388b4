/** The return stage: what of a result did not come while it was written, or all of it. */

import { DEFAULT_STALL_SECONDS } from '../model/plan.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import type { ResultFollower } from './follow-result.ts'
import type { JobContext } from './job-context.ts'
import { trackTransfer } from './track-transfer.ts'

/** For routes that bring results back. */
export async function bringBack(context: JobContext, route: MediaRoute, follower: ResultFollower, resultBytes: number): Promise<void> {
  const { plan, signal, onStage } = context
  onStage('return')
  const track = trackTransfer(context, 'return', resultBytes)
  const isHere = await follower.finish(resultBytes, (bytes) => {
    track(bytes)
    // What is left to do is to compare it: the link has no part in that.
    if (bytes === resultBytes) onStage('verify')
  })
  if (isHere) return
  onStage('return')
  const stallMs = (plan.profile.stallSeconds ?? DEFAULT_STALL_SECONDS) * 1000
  await route.bringBack?.({ signal, stallMs, turn: context.takeTurn?.('return', resultBytes), onBytes: track })
}
