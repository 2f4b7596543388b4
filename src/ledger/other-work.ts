/** What other controllers of this machine are doing at this moment. */

import type { Database } from './database.ts'
import { isAlive } from './process-identity.ts'
import { toProcess } from './records.ts'

const RUNS_AT_WORK = `SELECT process FROM runs WHERE finished_at IS NULL AND id <> ?
  AND EXISTS (SELECT 1 FROM jobs WHERE run = runs.id AND state IN ('fetch', 'encode', 'return', 'verify', 'replace'))`

/** Is a job of another living run under way? */
export function hasOtherWork(db: Database, runId: string): boolean {
  return db.all(RUNS_AT_WORK, runId).some((row) => isAlive(toProcess(row.process)))
}
