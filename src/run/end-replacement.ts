/**
 * A controller died while it put a verified result in place. What is there tells how far it came: the result under its final name
 * with the source beside it (then only the source has still to go), the result whole on the disk under its temporary name (then it is
 * put in place), or less (then the job is done again).
 */

import type { Stats } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import { isSameTime } from '../core/same-time.ts'
import { removeSource, replaceSource, statUnchanged } from '../job/replace.ts'
import type { UnfinishedJob } from '../ledger/records.ts'
import type { FileJournal } from '../transfer/media-route.ts'

/** True when the replacement is complete now. Rejects with SOURCE_NOT_REMOVED where the result stands and its source cannot be removed. */
export async function endReplacement(job: UnfinishedJob, files: FileJournal): Promise<boolean> {
  const { plan, outputBytes, temporary } = job
  if (job.state !== 'replace' || outputBytes === undefined || temporary === undefined) return false
  const [result, waiting] = await Promise.all([look(plan.output), look(temporary)])
  // The result bears the source's time before it gets its name, so another file of that size does not pass for it.
  const isResult = (file: Stats | undefined) => file?.size === outputBytes && isSameTime(file.mtimeMs, plan.source.mtimeMs)
  if (result !== undefined && isResult(result) && (waiting === undefined || waiting.ino === result.ino)) {
    const source = plan.replacesSource && plan.output !== plan.source.path ? await statUnchanged(plan).catch(() => undefined) : undefined
    // One file under two names where letter cases are not told: then it has been replaced, and is no source any more.
    if (source !== undefined && !(source.ino === result.ino && source.dev === result.dev)) await removeSource(plan)
    return true
  }
  // The name was taken by us, and nothing stands under it yet.
  if (result?.size === 0 && plan.output !== plan.source.path && !plan.mayOverwrite) await rm(plan.output, { force: true })
  if (!isResult(waiting)) return false
  return await replaceSource(plan, temporary, files).then(
    () => true,
    () => false,
  )
}

async function look(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch(() => undefined)
}
