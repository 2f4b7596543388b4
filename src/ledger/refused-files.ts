/** Files that a run was asked for and never took up: no job of theirs is written down, so that the history tells of them is written here. */

import type { Database } from './database.ts'

export interface RefusedFile {
  readonly path: string
  readonly reason: string
}

export function addRefusedFiles(db: Database, runId: string, files: readonly RefusedFile[], nowMs: number): void {
  if (files.length === 0) return
  db.setDurability('written')
  db.transaction(() => {
    for (const { path, reason } of files) {
      db.run('INSERT INTO refused_files (run, path, reason, refused_at) VALUES (?, ?, ?, ?)', runId, path, reason, nowMs)
    }
  })
}

/** In the order they were refused. */
export function listRefusedFiles(db: Database, runId: string): readonly RefusedFile[] {
  return db
    .all('SELECT path, reason FROM refused_files WHERE run = ? ORDER BY id', runId)
    .map((row) => ({ path: String(row.path), reason: String(row.reason) }))
}

export function countRefusedFiles(db: Database, runId: string): number {
  return Number(db.get('SELECT count(*) AS files FROM refused_files WHERE run = ?', runId)?.files)
}
