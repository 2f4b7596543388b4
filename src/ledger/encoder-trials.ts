/**
 * What encoders were found to work on which host, so that the next run does not try them again. A dry run reads it without a trace:
 * even opened for reading, SQLite would leave its side files beside the ledger.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Database } from './database.ts'
import { loadSqlite, type Warner } from './load-sqlite.ts'

/** Another ffmpeg, or another version of it, knows nothing of the old one's encoders. */
export interface TrialPlace {
  /** How the host is reached, or that it is this machine. */
  readonly host: string
  readonly ffmpegPath: string
  readonly ffmpegVersion: string
}

export interface RememberedTrial {
  /** With the device it was tried on, where one was named. */
  readonly encoder: string
  /** Why it does not work; null: it does. */
  readonly failure: string | null
  /** Milliseconds since 1970. */
  readonly triedAtMs: number
}

const SELECT = 'SELECT encoder, failure, tried_at FROM encoder_trials WHERE host = ? AND ffmpeg_path = ? AND ffmpeg_version = ?'

export function recallTrials(db: Pick<Database, 'all'>, { host, ffmpegPath, ffmpegVersion }: TrialPlace): readonly RememberedTrial[] {
  return db.all(SELECT, host, ffmpegPath, ffmpegVersion).map(toTrial)
}

export function rememberTrials(db: Database, place: TrialPlace, trials: readonly RememberedTrial[]): void {
  if (trials.length === 0) return
  db.setDurability('written')
  db.transaction(() => {
    db.run(
      'DELETE FROM encoder_trials WHERE host = ?1 AND ffmpeg_path = ?2 AND ffmpeg_version <> ?3',
      place.host,
      place.ffmpegPath,
      place.ffmpegVersion,
    )
    for (const { encoder, failure, triedAtMs } of trials) {
      db.run(
        'INSERT OR REPLACE INTO encoder_trials (host, ffmpeg_path, ffmpeg_version, encoder, failure, tried_at) VALUES (?, ?, ?, ?, ?, ?)',
        ...[place.host, place.ffmpegPath, place.ffmpegVersion, encoder, failure, triedAtMs],
      )
    }
  })
}

/** From a ledger that must not be touched; nothing where there is none, an older one, or one that cannot be read. */
export function readTrials(folder: string, place: TrialPlace, warner?: Warner): readonly RememberedTrial[] {
  const file = join(folder, 'ledger.sqlite')
  if (!existsSync(file)) return []
  const url = pathToFileURL(file)
  // Side files that are there belong to a controller at work, and are needed to read what it wrote; else none may be made.
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
  try {
    const { DatabaseSync } = loadSqlite(warner)
    const connection = new DatabaseSync(url, { readOnly: true })
    try {
      return connection.prepare(SELECT).all(place.host, place.ffmpegPath, place.ffmpegVersion).map(toTrial)
    } finally {
      connection.close()
    }
  } catch {
    return []
  }
}

function toTrial({ encoder, failure, tried_at }: Readonly<Record<string, unknown>>): RememberedTrial {
  return { encoder: String(encoder), failure: failure === null ? null : String(failure), triedAtMs: Number(tried_at) }
}
