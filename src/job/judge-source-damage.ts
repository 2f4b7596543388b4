/**
 * What a source lacks is lacking in its result, and the source goes. Where that is damage nothing can be done but to tell; where it was never
 * there, the file may be on its way still: a download that has stopped for the night has its whole size, holes in it, and does not change.
 */

import { stat } from 'node:fs/promises'
import { EncodeError } from '../core/errors.ts'
import { findSourceDamage } from '../media/find-source-damage.ts'
import type { JobContext } from './job-context.ts'

/** Filesystems that compress save a little on films, too. */
const MOST_UNWRITTEN = 0.02
const BLOCK_BYTES = 512

/** Warns of what ffmpeg said while it read the source. Rejects with SOURCE_UNREADABLE where that may come yet. */
export async function judgeSourceDamage({ plan, onWarning }: Pick<JobContext, 'plan' | 'onWarning'>, stderr: string): Promise<void> {
  const damage = findSourceDamage(stderr)
  if (damage === undefined) return
  const { path } = plan.source
  if (plan.profile.verify !== 'off') await refuseUnfinished(path, damage)
  onWarning(`${path}: ${damage}: what is missing there is missing in its result`)
}

/** @param lack of the source, a clause. */
export async function refuseUnfinished(path: string, lack: string): Promise<void> {
  const { size, blocks } = await stat(path)
  const unwritten = 1 - (blocks * BLOCK_BYTES) / size
  // None at all: a filesystem that does not count them, or that keeps its files elsewhere.
  if (blocks === 0 || unwritten <= MOST_UNWRITTEN) return
  throw new EncodeError('SOURCE_UNREADABLE', `${Math.round(unwritten * 100)} % of "${path}" were never written, and ${lack}`, {
    hint: 'Encode it when it has been downloaded or copied as a whole; with "--verify off" it is encoded as far as it goes',
  })
}
