/** What earlier runs have finished: for those who would otherwise do it again, and for those who want to know how large results become. */

import type { Database } from './database.ts'
import { readUntouched, type Untouched } from './read-untouched.ts'
import { type JobRecord, toJobRecord } from './records.ts'

/** What became of a source's bytes. */
export interface FinishedSize {
  readonly sourceBytes: number
  readonly resultBytes: number
}

const SELECT_SIZES = `SELECT source_bytes, output_bytes FROM jobs
  WHERE profile = ? AND state = 'done' AND output_bytes IS NOT NULL ORDER BY rowid DESC LIMIT ?`

/** Of the latest jobs of a profile, the oldest first. */
export function listFinishedSizes(db: Database, profile: string, limit: number): readonly FinishedSize[] {
  return db.all(SELECT_SIZES, profile, limit).map(toFinishedSize).reverse()
}

/** The same from a ledger that must not be touched. */
export function readFinishedSizes(ledger: Untouched, profile: string, limit: number): readonly FinishedSize[] {
  return readUntouched(ledger, SELECT_SIZES, profile, limit).map(toFinishedSize).reverse()
}

/** The last job from this queue file that did this source, as long as its line was not taken out of the file. */
export function findDoneLine(db: Database, queueFile: string, source: string): JobRecord | undefined {
  const row = db.get(
    `SELECT * FROM jobs WHERE source = ? AND queue_file = ? AND state = 'done' AND line_dropped = 0 ORDER BY rowid DESC LIMIT 1`,
    ...[source, queueFile],
  )
  return row === undefined ? undefined : toJobRecord(row)
}

/** Once a line is gone, its next appearance asks for new work. */
export function dropDoneLines(db: Database, queueFile: string, sources: readonly string[]): void {
  db.setDurability('written')
  db.transaction(() => {
    for (const source of sources) {
      db.run(`UPDATE jobs SET line_dropped = 1 WHERE source = ? AND state = 'done' AND queue_file = ?`, source, queueFile)
    }
  })
}

/** The job that did the same source after this one was planned. */
export function findDoneSince(db: Database, job: JobRecord): JobRecord | undefined {
  const row = db.get(
    `SELECT * FROM jobs WHERE source = ? AND state = 'done' AND rowid > (SELECT rowid FROM jobs WHERE id = ?) ORDER BY rowid DESC LIMIT 1`,
    ...[job.source, job.id],
  )
  return row === undefined ? undefined : toJobRecord(row)
}

function toFinishedSize(row: Readonly<Record<string, unknown>>): FinishedSize {
  return { sourceBytes: Number(row.source_bytes), resultBytes: Number(row.output_bytes) }
}
