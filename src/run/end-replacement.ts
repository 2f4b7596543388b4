/**
 * A controller died while it put a verified result in place. What is there tells how far it came: the result under its final name
 * with the source beside it (then only the source has still to go), or not yet (then the job is done again).
 */

import { stat, unlink } from 'node:fs/promises'
import { statUnchanged } from '../job/replace.ts'
import type { UnfinishedJob } from '../ledger/records.ts'

/** True when the replacement is complete now. */
export async function endReplacement(job: UnfinishedJob): Promise<boolean> {
  const { plan, outputBytes, temporary } = job
  if (job.state !== 'replace' || outputBytes === undefined || temporary === undefined) return false
  const result = await stat(plan.output).catch(() => undefined)
  // The result bears the source's time before it gets its name, so another file of that size does not pass for it.
  if (result === undefined || result.size !== outputBytes || Math.abs(result.mtimeMs - plan.source.mtimeMs) >= 1000) return false
  const waiting = await stat(temporary).catch(() => undefined)
  if (waiting !== undefined && waiting.ino !== result.ino) return false
  if (!plan.replacesSource || plan.output === plan.source.path) return true
  const isSourceThere = await statUnchanged(plan).then(
    () => true,
    () => false,
  )
  if (isSourceThere) await unlink(plan.source.path)
  return true
}
