/** What one call of the program asks of a run of another: written down here, found there, and answered. */

import type { Database } from './database.ts'

export interface DrainRequest {
  readonly id: number
  /** Undefined: whichever has such a host. */
  readonly cluster: string | undefined
  /** Undefined: the whole run. */
  readonly host: string | undefined
}

export interface RequestAnswer {
  readonly isRefused: boolean
  /** What the run does now, as the end of a sentence about it. */
  readonly message: string
}

export function addRequest(db: Database, runId: string, request: Omit<DrainRequest, 'id'>, nowMs: number): number {
  db.setDurability('written')
  return db.transaction(() => {
    db.run(
      'INSERT INTO drain_requests (run, cluster, host, asked_at) VALUES (?, ?, ?, ?)',
      ...[runId, request.cluster ?? null, request.host ?? null, nowMs],
    )
    return Number(db.get('SELECT last_insert_rowid() AS id')?.id)
  })
}

/** In the order they were made. */
export function listOpenRequests(db: Database, runId: string): readonly DrainRequest[] {
  return db.all('SELECT id, cluster, host FROM drain_requests WHERE run = ? AND answer IS NULL ORDER BY id', runId).map((row) => ({
    id: Number(row.id),
    cluster: row.cluster === null ? undefined : String(row.cluster),
    host: row.host === null ? undefined : String(row.host),
  }))
}

export function answerRequest(db: Database, id: number, { isRefused, message }: RequestAnswer): void {
  db.setDurability('written')
  db.run('UPDATE drain_requests SET is_refused = ?, answer = ? WHERE id = ?', Number(isRefused), message, id)
}

export function findAnswer(db: Database, id: number): RequestAnswer | undefined {
  const row = db.get('SELECT is_refused, answer FROM drain_requests WHERE id = ? AND answer IS NOT NULL', id)
  return row === undefined ? undefined : { isRefused: row.is_refused === 1, message: String(row.answer) }
}
