/**
 * A lock that the kernel takes back when its process ends, however it ends: so a controller in another container, or one that ran before
 * the machine was set up anew, can be told from one that lives. SQLite's file lock is the one way to such a lock that Node has.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadSqlite, type Warner } from './load-sqlite.ts'

export interface LifeLock extends Disposable {
  readonly path: string
}

/** Undefined where the filesystem has no locks. @param folder is there already. */
export function holdLifeLock(folder: string, warner: Warner | undefined): LifeLock | undefined {
  const path = join(folder, `alive-${randomBytes(8).toString('hex')}.lock`)
  const { DatabaseSync } = loadSqlite(warner)
  const connection = new DatabaseSync(path, { open: false })
  try {
    connection.open()
    // Nothing is ever written to it, so it needs no journal beside it.
    connection.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch {
    if (connection.isOpen) connection.close()
    rmSync(path, { force: true })
    return undefined
  }
  return {
    path,
    [Symbol.dispose]() {
      if (connection.isOpen) connection.close()
      rmSync(path, { force: true })
    },
  }
}

/**
 * Whether a process has it; undefined where that cannot be told from here. A lock that is not there, in a folder that is, was given up
 * by its owner or removed by a person.
 */
export function isLifeLockHeld(path: string): boolean | undefined {
  if (!existsSync(path)) return existsSync(dirname(path)) ? false : undefined
  const { DatabaseSync } = loadSqlite(undefined)
  try {
    // Its owner leaves nobody in, not even to read.
    const connection = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    try {
      connection.prepare('SELECT count(*) FROM sqlite_master').get()
    } finally {
      connection.close()
    }
    return false
  } catch (error) {
    return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY ? true : undefined
  }
}

/** What a dead process left. */
export function dropLifeLock(path: string): void {
  rmSync(path, { force: true })
}

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5
