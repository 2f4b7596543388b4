/**
 * What ffprobe said of files, so that the next run need not ask again. A file of its own beside the ledger: nothing is lost with it, so
 * whatever is wrong with it (damaged, full disk, held by another program) only means that files are probed again.
 */

import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { deflateSync, inflateSync } from 'node:zlib'
import type { Clock } from '../core/clock.ts'
import { makeFoldersSync } from '../core/make-folders.ts'
import { loadSqlite, type Warner } from './load-sqlite.ts'

/** Synchronous, and never throws. */
export interface ProbeMemory extends Disposable {
  recall(path: string): string | undefined
  /** Whether something is known of this path, or of one below it. */
  knowsBelow(path: string): boolean
  /** In the place of what was known of this path. Written in lots, the last one when it is disposed of. */
  remember(path: string, text: string): void
}

export interface ProbeMemoryOptions {
  /** State folder; made, for its owner alone, where it is missing. */
  readonly folder: string
  readonly clock: Pick<Clock, 'now'>
  readonly warner?: Warner | undefined
  /** For a dry run: nothing is written, not even the file. */
  readonly isReadOnly?: boolean
  /** What was used longest ago goes when there are more. */
  readonly maxEntries?: number
}

/** With a kilobyte each, 50 MB. */
const MAX_ENTRIES = 50_000
/** A film of hundreds of streams; its like is rare enough to be asked again. */
const MAX_TEXT_LENGTH = 1_000_000
/** Nothing else goes on meanwhile: a file takes 0.1 ms, and more where the code is cold. */
const LOT = 25
/** A lot of another controller takes milliseconds. */
const BUSY_TIMEOUT_MS = 500
/** How precisely it is known when an entry was used last. */
const USE_PRECISION_MS = 24 * 3600 * 1000
/** A file of another number is begun anew. */
const SHAPE = 1

// Damage by a power cut shows in the checksum of the text, or to SQLite.
const SETTINGS = 'PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF'
const CREATE = `BEGIN IMMEDIATE; DROP TABLE IF EXISTS probes;
  CREATE TABLE probes (path TEXT PRIMARY KEY, said BLOB NOT NULL, used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX probes_by_use ON probes (used_at); PRAGMA user_version = ${SHAPE}; COMMIT`
const BELOW = 'SELECT 1 FROM probes WHERE path = ? OR (path > ? AND path < ?) LIMIT 1'
const TRIM = 'DELETE FROM probes WHERE path IN (SELECT path FROM probes ORDER BY used_at DESC LIMIT -1 OFFSET ?)'

export function openProbeMemory(options: ProbeMemoryOptions): ProbeMemory {
  const { clock, isReadOnly = false, maxEntries = MAX_ENTRIES } = options
  const file = join(options.folder, 'probes.sqlite')
  const unwritten = new Map<string, string>()
  const used = new Set<string>()
  let connection: DatabaseSync | undefined
  let isOpened = false
  return {
    recall(path) {
      const fresh = unwritten.get(path)
      if (fresh !== undefined) return fresh
      const known = opened()
      return attempt((): string | undefined => {
        const row = known?.prepare('SELECT path, said, used_at FROM probes WHERE path = ?').get(path)
        if (!(row?.said instanceof Uint8Array)) return undefined
        if (clock.now() - Number(row.used_at) > USE_PRECISION_MS) used.add(path)
        return toText(row.said, path)
      })
    },
    knowsBelow(path) {
      if (!existsSync(file)) return false
      const known = opened()
      const below = path.endsWith('/') ? path : `${path}/`
      return attempt(() => known?.prepare(BELOW).get(path, below, `${below}\u{10FFFF}`)) !== undefined
    },
    remember(path, text) {
      if (isReadOnly || text.length > MAX_TEXT_LENGTH) return
      unwritten.set(path, text)
      if (unwritten.size >= LOT) write()
    },
    [Symbol.dispose]() {
      write()
      attempt(() => connection?.close())
      connection = undefined
    },
  }

  /** At the first use: a call that is refused leaves nothing behind. */
  function opened(): DatabaseSync | undefined {
    if (!isOpened) {
      isOpened = true
      // A second time where the first found it damaged and removed it.
      if (!isReadOnly || existsSync(file)) connection = attempt(connect) ?? attempt(connect)
    }
    return connection
  }

  function connect(): DatabaseSync {
    if (!isReadOnly) makeFile(file)
    const { DatabaseSync } = loadSqlite(options.warner)
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, readOnly: isReadOnly })
    try {
      if (!isReadOnly) database.exec(SETTINGS)
      const { user_version } = database.prepare('PRAGMA user_version').get() ?? {}
      if (user_version !== SHAPE) {
        if (isReadOnly) throw new Error('It is of another shape')
        database.exec(CREATE)
      }
      return database
    } catch (error) {
      database.close()
      throw error
    }
  }

  function write(): void {
    if (isReadOnly || (unwritten.size === 0 && used.size === 0)) return
    const lot = [...unwritten]
    const again = [...used].filter((path) => !unwritten.has(path))
    unwritten.clear()
    used.clear()
    const known = opened()
    if (known !== undefined) attempt(() => writeLot(known, lot, again))
  }

  function writeLot(known: DatabaseSync, lot: readonly (readonly [string, string])[], again: readonly string[]): void {
    const [put, touch] = [
      known.prepare('INSERT OR REPLACE INTO probes (path, said, used_at) VALUES (?, ?, ?)'),
      known.prepare('UPDATE probes SET used_at = ?2 WHERE path = ?1'),
    ]
    known.exec('BEGIN IMMEDIATE')
    try {
      for (const [path, text] of lot) put.run(path, toBlob(text, path), clock.now())
      for (const path of again) touch.run(path, clock.now())
      known.prepare(TRIM).run(maxEntries)
      known.exec('COMMIT')
    } catch (error) {
      if (known.isTransaction) known.exec('ROLLBACK')
      throw error
    }
  }

  /** A damaged file is removed: the next that opens it begins anew. */
  function attempt<Result>(call: () => Result): Result | undefined {
    try {
      return call()
    } catch (error) {
      if (!isReadOnly && isDamage(error)) {
        connection?.close()
        connection = undefined
        removeFile(file)
      }
      return undefined
    }
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: https://www.sqlite.org/rescode.html */
function isDamage(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && [11, 26].includes(error.errcode & 0xff)
}

function makeFile(file: string): void {
  makeFoldersSync(dirname(file), 0o700)
  closeSync(openSync(file, 'a', 0o600))
}

function removeFile(file: string): void {
  try {
    for (const suffix of ['', '-journal']) rmSync(`${file}${suffix}`, { force: true })
  } catch {
    // Then it stays unused.
  }
}

/** With the path, so that the checksum speaks for both. */
function toBlob(text: string, path: string): Uint8Array {
  return deflateSync(JSON.stringify([path, text]))
}

function toText(blob: Uint8Array, path: string): string | undefined {
  const [of, text] = JSON.parse(inflateSync(blob, { maxOutputLength: 4 * MAX_TEXT_LENGTH }).toString()) as readonly unknown[]
  return of === path && typeof text === 'string' ? text : undefined
}
