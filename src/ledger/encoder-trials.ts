/** What encoders were found to work on which host, so that the next run does not try them again. */

import type { Database } from './database.ts'
import type { Warner } from './load-sqlite.ts'
import { readUntouched } from './read-untouched.ts'

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
  /** How fast it was in its trial; undefined where nobody knows. */
  readonly pointsPerSecond?: number | undefined
  /** Milliseconds since 1970. */
  readonly triedAtMs: number
}

const SELECT =
  'SELECT encoder, failure, points_per_second, tried_at FROM encoder_trials WHERE host = ? AND ffmpeg_path = ? AND ffmpeg_version = ?'

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
    for (const { encoder, failure, pointsPerSecond, triedAtMs } of trials) {
      db.run(
        `INSERT OR REPLACE INTO encoder_trials (host, ffmpeg_path, ffmpeg_version, encoder, failure, points_per_second, tried_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ...[place.host, place.ffmpegPath, place.ffmpegVersion, encoder, failure, pointsPerSecond ?? null, triedAtMs],
      )
    }
  })
}

/** From a ledger that must not be touched. */
export function readTrials(folder: string, { host, ffmpegPath, ffmpegVersion }: TrialPlace, warner?: Warner): readonly RememberedTrial[] {
  return readUntouched({ folder, warner }, SELECT, host, ffmpegPath, ffmpegVersion).map(toTrial)
}

function toTrial({ encoder, failure, points_per_second, tried_at }: Readonly<Record<string, unknown>>): RememberedTrial {
  return {
    encoder: String(encoder),
    failure: failure === null ? null : String(failure),
    ...(typeof points_per_second === 'number' ? { pointsPerSecond: points_per_second } : {}),
    triedAtMs: Number(tried_at),
  }
}
