/**
 * Loads `node:sqlite`. Early releases of Node 24 say at that moment that it is experimental; nobody who encodes a film can do anything
 * about it, so that one warning is kept back, and no other.
 */

import { createRequire } from 'node:module'

export type Sqlite = typeof import('node:sqlite')

/** The part of `process` through which Node's own modules warn. */
export interface Warner {
  emitWarning: (...args: never[]) => void
}

/** Without a warner nothing is kept back. */
export function loadSqlite(warner: Warner | undefined): Sqlite {
  const require = createRequire(import.meta.url)
  if (warner === undefined) return require('node:sqlite') as Sqlite
  const { emitWarning } = warner
  warner.emitWarning = (...args: readonly unknown[]) => {
    if (args[1] === 'ExperimentalWarning' && String(args[0]).startsWith('SQLite ')) return
    Reflect.apply(emitWarning, warner, args)
  }
  try {
    return require('node:sqlite') as Sqlite
  } finally {
    warner.emitWarning = emitWarning
  }
}
