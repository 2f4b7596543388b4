import { describe, expect, test } from 'vitest'
import { loadSqlite } from '../../src/ledger/load-sqlite.ts'

/** Warns while the module is loaded, as early releases of Node 24 do. */
function createWarner(...warnings: readonly (readonly string[])[]) {
  const told: unknown[][] = []
  const original = (...args: unknown[]) => void told.push(args)
  let reads = 0
  const warner = {
    get emitWarning() {
      return original
    },
    set emitWarning(replacement: (...args: never[]) => void) {
      reads += 1
      if (reads === 1) for (const warning of warnings) Reflect.apply(replacement, warner, warning)
    },
  }
  return { warner, told }
}

describe('Loading SQLite', () => {
  test('keeps back that it is experimental, and no other warning', () => {
    const { warner, told } = createWarner(
      ['SQLite is an experimental feature and might change at any time', 'ExperimentalWarning'],
      ['Type Stripping is an experimental feature', 'ExperimentalWarning'],
      ['SQLite is something else', 'DeprecationWarning'],
    )
    expect(loadSqlite(warner).DatabaseSync).toBeTypeOf('function')
    expect(told).toEqual([
      ['Type Stripping is an experimental feature', 'ExperimentalWarning'],
      ['SQLite is something else', 'DeprecationWarning'],
    ])
  })

  test('leaves the warner as it was', () => {
    const emitWarning = () => {}
    const warner = { emitWarning }
    loadSqlite(warner)
    expect(warner.emitWarning).toBe(emitWarning)
  })
})
