/**
 * Before a run looks at any file: replacements in which a controller died are ended, so that nothing of theirs is taken for a source or a
 * stranger. Two that end one replacement could take the result from each other: each dead run is held by one of them.
 */

import { describeError } from '../core/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { DeadRun, UnfinishedJob } from '../ledger/records.ts'
import { endReplacement } from './end-replacement.ts'

export interface EndedReplacement {
  readonly job: UnfinishedJob
  /** Undefined: the result stands, the source is gone. */
  readonly failure: string | undefined
}

/** Those that came to an end; what is left of the others is to be done again. */
export async function endReplacements(ledger: Ledger, dead: readonly DeadRun[]): Promise<readonly EndedReplacement[]> {
  const ended: EndedReplacement[] = []
  for (const { id, unfinished } of dead) {
    if (!unfinished.some(isReplacing)) continue
    using held = ledger.adoptDeadRun(id)
    // Looked at again: until now it may have been somebody else's.
    if (held !== undefined) ended.push(...(await endReplacementsOf(id, ledger)))
  }
  return ended
}

async function endReplacementsOf(runId: string, ledger: Ledger): Promise<readonly EndedReplacement[]> {
  const ended: EndedReplacement[] = []
  for (const job of ledger.unfinishedJobs(runId).filter(isReplacing)) {
    const holder = ledger.findHolder(job.source)
    // Somebody works on it by now, with the file as it is.
    if (holder !== undefined && holder.runId !== runId) continue
    const files = {
      async note(_: unknown, path: string) {
        ledger.noteFile(job.id, 'controller', path)
        await ledger.flush()
      },
      forget: async (_: unknown, path: string) => ledger.forgetFile(job.id, 'controller', path),
    }
    try {
      if (!(await endReplacement(job, files))) continue
      ledger.setState(job.id, 'done', { outputBytes: job.outputBytes ?? 0 })
      ended.push({ job, failure: undefined })
    } catch (error) {
      ledger.setState(job.id, 'failed', { reason: describeError(error) })
      ended.push({ job, failure: describeError(error) })
    }
  }
  return ended
}

function isReplacing({ state }: UnfinishedJob): boolean {
  return state === 'replace'
}
