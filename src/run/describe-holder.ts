/** Who has a file that this run wanted. */

import { describeProcess } from '../ledger/process-identity.ts'
import type { SourceHolder } from '../ledger/records.ts'

export function describeHolder({ runId, process, sinceMs }: SourceHolder): string {
  return `${describeProcess(process)}, run ${runId}, since ${new Date(sinceMs).toISOString()}`
}
