/** Who works on which source: two controllers never encode one file at the same time. A claim is worth as much as its run is alive. */

import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database, Row } from './database.ts'
import { createLivenessFinder, findLiveness } from './process-identity.ts'
import { type SourceHolder, toProcess, toSourceHolder } from './records.ts'

/** Takes all that no living controller has; gives what was refused, by path as given. */
export function claimSources(db: Database, runId: string, paths: readonly string[], nowMs: number): ReadonlyMap<string, SourceHolder> {
  const findLiveness = createLivenessFinder()
  const refused = new Map<string, SourceHolder>()
  const files = paths.map((path) => [path, identifyFile(path)] as const)
  db.setDurability('written')
  db.transaction(() => {
    for (const [path, file] of files) {
      const held = findClaims(db, file).find((row) => row.run !== runId && findLiveness(toProcess(row.process)) !== 'dead')
      if (held !== undefined) refused.set(path, toSourceHolder(held))
      else db.run('INSERT OR REPLACE INTO claims (path, inode, run, claimed_at) VALUES (?, ?, ?, ?)', file.path, file.inode, runId, nowMs)
    }
  })
  return refused
}

export function findHolder(db: Database, path: string): SourceHolder | undefined {
  const held = findClaims(db, identifyFile(path)).find((row) => findLiveness(toProcess(row.process)) !== 'dead')
  return held && toSourceHolder(held)
}

export function releaseSource(db: Database, runId: string, path: string): void {
  db.setDurability('written')
  // By both names: the source may be gone by now, and its link with it.
  db.run('DELETE FROM claims WHERE path IN (?, ?) AND run = ?', path, toRealPath(path), runId)
}

interface FileIdentity {
  readonly path: string
  /** Of the file itself, which may have other names: hard links, another mount, another letter case. */
  readonly inode: string | null
}

function findClaims(db: Database, { path, inode }: FileIdentity): readonly Row[] {
  return db.all(
    `SELECT claims.run, claims.claimed_at, runs.process FROM claims JOIN runs ON runs.id = claims.run
     WHERE (claims.path = ? OR claims.inode = ?) AND runs.finished_at IS NULL`,
    path,
    inode,
  )
}

function identifyFile(path: string): FileIdentity {
  const realPath = toRealPath(path)
  try {
    const { dev, ino } = lstatSync(realPath, { bigint: true })
    return { path: realPath, inode: `${dev}:${ino}` }
  } catch {
    return { path: realPath, inode: null }
  }
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
