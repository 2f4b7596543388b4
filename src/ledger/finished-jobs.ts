/** What earlier runs have finished: for those who would otherwise do it again, and for those who want to know how large results become. */

import { basename, dirname, extname, join } from 'node:path'
import type { Database } from './database.ts'
import { readUntouched, type Untouched } from './read-untouched.ts'
import { type JobRecord, toJobRecord } from './records.ts'

/** What became of a source's bytes. */
export interface FinishedSize {
  readonly sourceBytes: number
  readonly resultBytes: number
}

/** A file as a run made it in the place of its source. */
export interface FinishedResult {
  readonly runId: string
  readonly profile: string
  readonly sizeBytes: number
  /** The source's. */
  readonly mtimeMs: number
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

/** A result bears its source's name up to the extension, and there is an index of sources. */
const SELECT_RESULT = `SELECT run, profile, output_bytes, source_mtime_ms FROM jobs
  WHERE source >= ? AND source < ? AND output = ? AND replaces_source = 1 AND state = 'done' AND output_bytes IS NOT NULL
  ORDER BY rowid DESC LIMIT 1`

/** The last result that got this name and replaced its source. */
export function findResult(db: Database, path: string): FinishedResult | undefined {
  return toFinishedResult(db.get(SELECT_RESULT, ...toSourceRange(path), path))
}

/** The same from a ledger that must not be touched. */
export function readResult(ledger: Untouched, path: string): FinishedResult | undefined {
  return toFinishedResult(readUntouched(ledger, SELECT_RESULT, ...toSourceRange(path), path)[0])
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

function toSourceRange(path: string): readonly [from: string, to: string] {
  const stem = join(dirname(path), basename(path, extname(path)))
  return [stem, `${stem}${AFTER_DOT}`]
}

/** What comes right after the dot of an extension. */
const AFTER_DOT = '/'

function toFinishedResult(row: Readonly<Record<string, unknown>> | undefined): FinishedResult | undefined {
  if (row === undefined) return undefined
  return {
    runId: String(row.run),
    profile: String(row.profile),
    sizeBytes: Number(row.output_bytes),
    mtimeMs: Number(row.source_mtime_ms),
  }
}
