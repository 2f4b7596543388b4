/** Who works on which source: two controllers never encode one file at the same time. A claim is worth as much as its run is alive. */

import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database } from './database.ts'
import { createLivenessFinder, findLiveness } from './process-identity.ts'
import { type SourceHolder, toProcess, toSourceHolder } from './records.ts'

/** Takes all that no living controller has; gives what was refused, by path as given. */
export function claimSources(db: Database, runId: string, paths: readonly string[], nowMs: number): ReadonlyMap<string, SourceHolder> {
  const findLiveness = createLivenessFinder()
  const refused = new Map<string, SourceHolder>()
  const realPaths = paths.map((path) => [path, toRealPath(path)] as const)
  db.setDurability('written')
  db.transaction(() => {
    for (const [path, realPath] of realPaths) {
      const row = db.get(
        `SELECT claims.run, claims.claimed_at, runs.process FROM claims JOIN runs ON runs.id = claims.run
         WHERE claims.path = ? AND claims.run <> ? AND runs.finished_at IS NULL`,
        ...[realPath, runId],
      )
      if (row !== undefined && findLiveness(toProcess(row.process)) !== 'dead') refused.set(path, toSourceHolder(row))
      else db.run('INSERT OR REPLACE INTO claims (path, run, claimed_at) VALUES (?, ?, ?)', realPath, runId, nowMs)
    }
  })
  return refused
}

export function findHolder(db: Database, path: string): SourceHolder | undefined {
  const row = db.get(
    `SELECT claims.run, claims.claimed_at, runs.process FROM claims JOIN runs ON runs.id = claims.run
     WHERE claims.path = ? AND runs.finished_at IS NULL`,
    toRealPath(path),
  )
  return row === undefined || findLiveness(toProcess(row.process)) === 'dead' ? undefined : toSourceHolder(row)
}

export function releaseSource(db: Database, runId: string, path: string): void {
  db.setDurability('written')
  // By both names: the source may be gone by now, and its link with it.
  db.run('DELETE FROM claims WHERE path IN (?, ?) AND run = ?', path, toRealPath(path), runId)
}

/** One file, one name, whichever way it was reached; also for a file that does not exist (yet). */
function toRealPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    try {
      return join(realpathSync.native(dirname(path)), basename(path))
    } catch {
      return path
    }
  }
}
