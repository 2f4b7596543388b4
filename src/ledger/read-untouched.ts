/**
 * Reads a ledger that must not be touched, for a dry run: even opened for reading, SQLite would leave its side files beside it.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadSqlite, type Warner } from './load-sqlite.ts'

export interface Untouched {
  /** State folder. */
  readonly folder: string
  readonly warner?: Warner | undefined
}

/** The rows of a query; none where there is no ledger, an older one, or one that cannot be read. */
export function readUntouched(
  { folder, warner }: Untouched,
  select: string,
  ...values: readonly (string | number)[]
): readonly Readonly<Record<string, unknown>>[] {
  const file = join(folder, 'ledger.sqlite')
  if (!existsSync(file)) return []
  const url = pathToFileURL(file)
  // Side files that are there belong to a controller at work, and are needed to read what it wrote; else none may be made.
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
  try {
    const { DatabaseSync } = loadSqlite(warner)
    const connection = new DatabaseSync(url, { readOnly: true })
    try {
      return connection.prepare(select).all(...values)
    } finally {
      connection.close()
    }
  } catch {
    return []
  }
}
