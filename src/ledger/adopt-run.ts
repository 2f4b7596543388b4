/**
 * A run whose controller died, held by another one for the moment in which it ends what was begun: of several that come at the same time
 * only one does it, and the sources of that run stay claimed meanwhile. Should that one die as well, the run is a dead one again.
 */

import type { Database } from './database.ts'
import { findLiveness, type ProcessIdentity } from './process-identity.ts'
import { toProcess } from './records.ts'

/** Gives it back, as dead as it was, when disposed. Undefined: it is not dead, or somebody else has it. */
export function adoptRun(db: Database, runId: string, owner: ProcessIdentity): Disposable | undefined {
  const process = db.get('SELECT process FROM runs WHERE id = ? AND finished_at IS NULL', runId)?.process
  if (process === undefined || findLiveness(toProcess(process)) !== 'dead') return undefined
  const own = JSON.stringify(owner)
  db.setDurability('written')
  if (!hand(String(process), own)) return undefined
  return {
    [Symbol.dispose]() {
      hand(own, String(process))
    },
  }

  function hand(from: string, to: string): boolean {
    return db.run('UPDATE runs SET process = ? WHERE id = ? AND process = ? AND finished_at IS NULL', to, runId, from) > 0
  }
}
