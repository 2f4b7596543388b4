/** What was found out about the ffmpeg of a host, so that the next run need not wait until it says it again. */

import type { Database } from './database.ts'

/** Text that was remembered for the host (see `TrialPlace`), where its configuration names this ffmpeg, or none. */
export function recallFfmpeg(db: Pick<Database, 'get'>, host: string, configured: string | undefined): string | undefined {
  const row = db.get('SELECT said FROM known_ffmpegs WHERE host = ? AND configured = ?', host, configured ?? '')
  return row === undefined ? undefined : String(row.said)
}

/** Undefined: nothing. */
export function rememberFfmpeg(db: Database, host: string, configured: string | undefined, said: string | undefined): void {
  if (recallFfmpeg(db, host, configured) === said) return
  db.setDurability('written')
  if (said === undefined) db.run('DELETE FROM known_ffmpegs WHERE host = ? AND configured = ?', host, configured ?? '')
  else db.run('INSERT OR REPLACE INTO known_ffmpegs (host, configured, said) VALUES (?, ?, ?)', host, configured ?? '', said)
}
