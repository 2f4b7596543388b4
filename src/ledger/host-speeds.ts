/** How fast hosts turned out to be, so that the next run need not find it out again: work a second by kind of job, and the link. */

import type { Database } from './database.ts'
import type { TrialPlace } from './encoder-trials.ts'

export interface RememberedSpeed {
  readonly profile: string
  /** Empty where jobs have none. */
  readonly sizeClass: string
  /** Picture points of source a second. */
  readonly workPerSecond: number
}

export interface RememberedSpeeds {
  readonly speeds: readonly RememberedSpeed[]
  /** One way. */
  readonly linkBytesPerSecond: number | undefined
  /** What each way has of it while both are in use. */
  readonly linkBothRatio?: number | undefined
}

/** What one job taught. */
export interface LearnedSpeed {
  readonly speed: RememberedSpeed
  readonly linkBytesPerSecond: number | undefined
  /** Undefined where it was not seen: then what was known of it stays. */
  readonly linkBothRatio?: number | undefined
}

/** A host that did a job in this time can be expected to be there. */
const LATELY_MS = 7 * 24 * 60 * 60 * 1000
/** By then a host has other disks, other company or another purpose. */
const HOLDS_MS = 90 * 24 * 60 * 60 * 1000
/** Kinds of jobs that are remembered of one ffmpeg of a host: the latest. */
const MAX_KINDS = 100

/** What another version of ffmpeg did says nothing of this one; the link is the same. */
export function recallSpeeds(db: Pick<Database, 'all' | 'get'>, place: TrialPlace, nowMs: number): RememberedSpeeds {
  const rows = db.all(
    `SELECT profile, size_class, work_per_second FROM host_speeds
     WHERE host = ? AND ffmpeg_path = ? AND ffmpeg_version = ? AND learned_at > ? ORDER BY learned_at, rowid`,
    ...[place.host, place.ffmpegPath, place.ffmpegVersion, nowMs - HOLDS_MS],
  )
  const link = db.get('SELECT bytes_per_second, both_ratio FROM host_links WHERE host = ? AND learned_at > ?', place.host, nowMs - HOLDS_MS)
  return {
    speeds: rows.map(({ profile, size_class, work_per_second }) => ({
      profile: String(profile),
      sizeClass: String(size_class),
      workPerSecond: Number(work_per_second),
    })),
    linkBytesPerSecond: link === undefined ? undefined : Number(link.bytes_per_second),
    linkBothRatio: link === undefined || link.both_ratio === null ? undefined : Number(link.both_ratio),
  }
}

/**
 * Of a host that is not up yet: what the ffmpeg did that it had last, or that of this path. Undefined where it has done nothing lately.
 */
export function recallLately(
  db: Pick<Database, 'all' | 'get'>,
  host: string,
  path: string | undefined,
  nowMs: number,
): RememberedSpeeds | undefined {
  const last = db.get(
    `SELECT ffmpeg_path, ffmpeg_version FROM host_speeds WHERE host = ?1 AND learned_at > ?2 AND (?3 IS NULL OR ffmpeg_path = ?3)
     ORDER BY learned_at DESC, rowid DESC LIMIT 1`,
    ...[host, nowMs - LATELY_MS, path ?? null],
  )
  if (last === undefined) return undefined
  return recallSpeeds(db, { host, ffmpegPath: String(last.ffmpeg_path), ffmpegVersion: String(last.ffmpeg_version) }, nowMs)
}

/** In the place of what was known; what nobody would use any more goes. */
export function rememberSpeed(
  db: Database,
  place: TrialPlace,
  { speed, linkBytesPerSecond, linkBothRatio }: LearnedSpeed,
  nowMs: number,
): void {
  const { host, ffmpegPath, ffmpegVersion } = place
  db.setDurability('written')
  db.transaction(() => {
    db.run('DELETE FROM host_speeds WHERE learned_at <= ?', nowMs - HOLDS_MS)
    db.run('DELETE FROM host_links WHERE learned_at <= ?', nowMs - HOLDS_MS)
    db.run(
      `INSERT OR REPLACE INTO host_speeds (host, ffmpeg_path, ffmpeg_version, profile, size_class, work_per_second, learned_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[host, ffmpegPath, ffmpegVersion, speed.profile, speed.sizeClass, speed.workPerSecond, nowMs],
    )
    db.run(
      `DELETE FROM host_speeds WHERE rowid IN
       (SELECT rowid FROM host_speeds WHERE host = ? AND ffmpeg_path = ? ORDER BY learned_at DESC, rowid DESC LIMIT -1 OFFSET ?)`,
      ...[host, ffmpegPath, MAX_KINDS],
    )
    if (linkBytesPerSecond === undefined) return
    db.run(
      `INSERT INTO host_links (host, bytes_per_second, both_ratio, learned_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (host) DO UPDATE SET bytes_per_second = ?2, both_ratio = coalesce(?3, both_ratio), learned_at = ?4`,
      ...[host, linkBytesPerSecond, linkBothRatio ?? null, nowMs],
    )
  })
}
