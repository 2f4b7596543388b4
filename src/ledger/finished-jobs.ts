/** What earlier runs have finished, for those who would otherwise do it again: a later run of the same queue file, and `encode resume`. */

import type { Database } from './database.ts'
import { type JobRecord, toJobRecord } from './records.ts'

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
