/**
 * The SQLite file itself: opened, brought to the present shape, written in transactions; SQLite's errors told in our words.
 */

import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { EncodeError, messageOf } from '../core/errors.ts'
import { makeFoldersSync } from '../core/make-folders.ts'
import { loadSqlite, type Warner } from './load-sqlite.ts'
import { MIGRATIONS } from './migrations.ts'
import { createWalFlush } from './wal-flush.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

/**
 * `flushed`: on the disk when the call returns, it outlives a power cut. `written`: it outlives this process, however that ends;
 * a power cut may take the latest of these back, but never out of order.
 */
export type Durability = 'flushed' | 'written'

/** Every call rejects what SQLite refuses with LEDGER_FAILED. */
export interface Database extends Disposable {
  /** Number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number
  get(sql: string, ...values: SQLInputValue[]): Row | undefined
  all(sql: string, ...values: SQLInputValue[]): readonly Row[]
  /** All of it or nothing; other controllers wait meanwhile. One within another is part of the outer one. */
  transaction<Result>(body: () => Result): Result
  /** For the next single write or transaction, and those after it. */
  setDurability(durability: Durability): void
  /** Resolves when all that is `written` by now is `flushed`, without holding up anything else. Rejects with LEDGER_FAILED. */
  flush(): Promise<void>
}

export interface DatabaseOptions {
  readonly warner: Warner | undefined
  /** How long a call waits for another process to end its transaction. */
  readonly busyTimeoutMs: number
}

export function openDatabase(file: string, options: DatabaseOptions): Database {
  const connection = guard(file, () => connect(file, options))
  const statements = new Map<string, StatementSync>()
  // A rollback journal is flushed with each commit, however durable that is to be.
  const wal = connection.prepare('PRAGMA journal_mode').get()?.journal_mode === 'wal' ? createWalFlush(file) : undefined
  let isOpen = true
  let durability: Durability = 'flushed'
  return {
    run: (sql, ...values) => guard(file, () => Number(prepare(sql).run(...values).changes)),
    get: (sql, ...values) => guard(file, () => prepare(sql).get(...values)),
    all: (sql, ...values) => guard(file, () => prepare(sql).all(...values)),
    transaction: (body) => transact(connection, file, body),
    setDurability(wanted) {
      // SQLite takes no notice of it within a transaction.
      if (wanted === durability || connection.isTransaction) return
      guard(file, () => connection.exec(`PRAGMA synchronous = ${wanted === 'flushed' ? 'FULL' : 'NORMAL'}`))
      durability = wanted
    },
    async flush() {
      await wal?.flush().catch((error: unknown) => {
        const message = messageOf(error)
        throw new EncodeError('LEDGER_FAILED', `The ledger "${file}" cannot be written (${message})`, {
          hint: 'Check the disk it is on',
          cause: error,
        })
      })
    },
    [Symbol.dispose]() {
      if (!isOpen) return
      isOpen = false
      wal?.[Symbol.dispose]()
      connection.close()
    },
  }

  function prepare(sql: string): StatementSync {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = connection.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
}

function connect(file: string, { warner, busyTimeoutMs }: DatabaseOptions): DatabaseSync {
  makeLedgerFile(file)
  const { DatabaseSync } = loadSqlite(warner)
  const connection = new DatabaseSync(file, { timeout: busyTimeoutMs })
  try {
    connection.exec('PRAGMA foreign_keys = ON')
    // Version first: a file that a newer encode has made is left exactly as it is.
    if (readVersion(connection, file) < MIGRATIONS.length) migrate(connection, file)
    // Where the filesystem cannot share memory SQLite stays with its rollback journal, which is as safe.
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** SQLite gives its side files the permissions of the main one, so that one is made first, for the owner alone. */
function makeLedgerFile(file: string): void {
  makeFoldersSync(dirname(file), 0o700)
  const isNew = !existsSync(file)
  closeSync(openSync(file, 'a', 0o600))
  // SQLite makes the entries of its side files durable, not the one of a file that it found.
  if (isNew) syncEntry(dirname(file))
}

function syncEntry(folder: string): void {
  let descriptor: number | undefined
  try {
    descriptor = openSync(folder, 'r')
    fsyncSync(descriptor)
  } catch {
    // Some filesystems cannot sync a folder, and Windows may not even open one.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function readVersion(connection: DatabaseSync, file: string): number {
  const version = Number(connection.prepare('PRAGMA user_version').get()?.user_version)
  if (version > MIGRATIONS.length) {
    throw new EncodeError(
      'LEDGER_FAILED',
      `The ledger "${file}" was written by a newer encode (version ${version}, this one knows ${MIGRATIONS.length})`,
      {
        hint: 'Use that encode, or give this one a state folder of its own with XDG_STATE_HOME',
      },
    )
  }
  return version
}

function migrate(connection: DatabaseSync, file: string): void {
  transact(connection, file, () => {
    // Read again: another controller may have been here while this one waited.
    const version = readVersion(connection, file)
    for (const sql of MIGRATIONS.slice(version)) connection.exec(sql)
    connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
  })
}

function transact<Result>(connection: DatabaseSync, file: string, body: () => Result): Result {
  if (connection.isTransaction) return body()
  guard(file, () => connection.exec('BEGIN IMMEDIATE'))
  try {
    const result = body()
    guard(file, () => connection.exec('COMMIT'))
    return result
  } catch (error) {
    // SQLite has rolled back by itself after some errors (disk full); then there is nothing to do.
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

function guard<Result>(file: string, call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    throw toLedgerError(file, error)
  }
}

/** What to do about each of SQLite's primary result codes that a person can meet: https://www.sqlite.org/rescode.html */
const HINTS: Readonly<Record<number, readonly [problem: string, hint: string]>> = {
  5: ['is held by another program', 'Close what has it open (a database browser?) and try again'],
  8: ['cannot be written', 'Mend the permissions of its folder, or set XDG_STATE_HOME to another one'],
  10: ['cannot be read or written', 'Check the disk it is on'],
  11: ['is damaged', 'Move it away: encode starts a new one; only the history is lost, no media'],
  13: ['cannot be written: the disk is full', 'Make room there, then run "encode resume"'],
  14: ['cannot be opened', 'Mend the permissions of its folder, or set XDG_STATE_HOME to another one'],
  26: ['is damaged or no ledger', 'Move it away: encode starts a new one; only the history is lost, no media'],
}

function toLedgerError(file: string, error: unknown): unknown {
  if (error instanceof EncodeError || !(error instanceof Error)) return error
  if ('errcode' in error && typeof error.errcode === 'number') {
    const known = HINTS[error.errcode & 0xff]
    // Anything else SQLite says (a constraint, wrong SQL) is a bug of ours and keeps its trace.
    if (known === undefined) return error
    return new EncodeError('LEDGER_FAILED', `The ledger "${file}" ${known[0]} (${error.message})`, { hint: known[1], cause: error })
  }
  if ('syscall' in error) {
    return new EncodeError('LEDGER_FAILED', `The ledger "${file}" cannot be opened: ${error.message}`, {
      hint: 'Mend the permissions of its folder, or set XDG_STATE_HOME to another one',
      cause: error,
    })
  }
  return error
}
