/**
 * Lines of a queue file whose work an earlier run has done, but which are still there because its controller died before it took them
 * out: they are neither encoded again nor, where the source went, missing.
 */

import { stat } from 'node:fs/promises'
import { isSameTime } from '../../core/same-time.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { JobRecord } from '../../ledger/records.ts'
import type { PlannedFile } from '../../plan/planned-file.ts'

export async function withoutDoneLines(files: readonly PlannedFile[], ledger: Ledger): Promise<readonly PlannedFile[]> {
  return await Promise.all(
    files.map(async (file): Promise<PlannedFile> => {
      const { target } = file
      if (target.queueFile === undefined || file.kind === 'skipped') return file
      const source = file.kind === 'job' ? file.plan.source.path : file.file
      const done = ledger.findDoneLine(target.queueFile, source)
      if (done === undefined || (file.kind === 'job' && file.plan.profile.name !== done.profile) || !(await stands(done))) return file
      return { kind: 'skipped', target, file: source, reason: `Run ${done.runId} has done it already: "${done.output}"` }
    }),
  )
}

/** Its result is still what that job made. */
async function stands({ output, outputBytes, sourceMtimeMs }: JobRecord): Promise<boolean> {
  const result = await stat(output).catch(() => undefined)
  return result !== undefined && result.size === outputBytes && isSameTime(result.mtimeMs, sourceMtimeMs)
}
