/** Who has a file that this run wanted. */

import { formatMoment } from '../core/units.ts'
import { describeProcess, findLiveness } from '../ledger/process-identity.ts'
import type { SourceHolder } from '../ledger/records.ts'

export function describeHolder({ runId, process, sinceMs }: SourceHolder): string {
  const who = `${describeProcess(process)}, run ${runId}, since ${formatMoment(sinceMs)}`
  if (process.lifeLock === undefined || findLiveness(process) !== 'unknown') return who
  return `${who}. Whether it still runs cannot be told from here; if it is gone, remove "${process.lifeLock}"`
}
