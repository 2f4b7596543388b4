import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { isEncodeError } from '../../src/core/errors.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { lacks } from '../capabilities.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { type LedgerFolder, makeLedgerFolder } from './ledger-folder.ts'

let folder: LedgerFolder
beforeEach(() => {
  folder = makeLedgerFolder()
})
afterEach(() => folder[Symbol.dispose]())

describe('A ledger file that cannot be used', () => {
  function openError(): unknown {
    try {
      folder.open()[Symbol.dispose]()
      return undefined
    } catch (error) {
      return error
    }
  }

  function write(content: string): string {
    mkdirSync(folder.state, { recursive: true })
    const file = join(folder.state, 'ledger.sqlite')
    writeFileSync(file, content)
    return file
  }

  /** The first is 0. */
  function pageOf(file: string, table: string): number {
    const database = new DatabaseSync(file, { readOnly: true })
    const page = Number(database.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').get(table)?.rootpage)
    database.close()
    return page - 1
  }

  test('because a newer encode wrote it is refused and left as it is', () => {
    const file = write('')
    const newer = new DatabaseSync(file)
    newer.exec('CREATE TABLE future (x); PRAGMA user_version = 999')
    newer.close()
    const before = readFileSync(file)
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" was written by a newer encode (version 999`)
    expect(error.hint).toContain('XDG_STATE_HOME')
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(existsSync(`${file}-wal`)).toBe(false)
  })

  test('because it is no database is named, and not touched', () => {
    const file = write('This is a shopping list, not a database. '.repeat(100))
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is damaged or no ledger`)
    expect(error.hint).toContain('Move it away')
    expect(readFileSync(file, 'utf8')).toContain('shopping list')
  })

  test('because its pages are damaged is named when they are read', () => {
    using ledger = folder.openWithRun('a', 'b')
    const { file } = ledger
    ledger[Symbol.dispose]()
    const bytes = readFileSync(file)
    const start = pageOf(file, 'jobs') * 4_096
    bytes.fill(0xff, start, start + 4_096)
    writeFileSync(file, bytes)
    using damaged = folder.open()
    let error: unknown
    try {
      damaged.listJobs({ runId: 'run' })
    } catch (caught) {
      error = caught
    }
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is damaged`)
  })

  test('because its folder is a file is named', () => {
    writeFileSync(join(folder.path, 'state'), '')
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain('cannot be opened')
    expect(error.hint).toContain('XDG_STATE_HOME')
  })

  test.skipIf(lacks('proc'))('because the system allows no folder there is named, and hangs nobody', () => {
    const opening = () => openLedger({ folder: '/proc/encode', clock: systemClock, pid: process.pid })
    expect(opening).toThrow('cannot be opened')
  })

  test('because another program holds it is named', () => {
    const file = write('')
    const browser = new DatabaseSync(file)
    browser.exec('BEGIN EXCLUSIVE')
    const error = openError()
    browser.close()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is held by another program`)
  })

  test.skipIf(lacks('root'))('because the disk is full is named, keeps what it had, and goes on when there is room', async () => {
    const state = join(folder.path, 'state')
    mkdirSync(state)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', state])
    try {
      using ledger = folder.openWithRun('a')
      const fill = join(state, 'fill')
      const room = execFileSync('df', ['--output=avail', '-B1', state], { encoding: 'utf8' }).split('\n')[1]
      writeFileSync(fill, Buffer.alloc(Number(room)))
      let error: unknown
      try {
        ledger.addJobs(
          'run',
          Array.from({ length: 200 }, (_, number) => createPlan(`b-${number}`, '/media/b.mp4')),
        )
      } catch (caught) {
        error = caught
      }
      rmSync(fill)
      if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
      expect(error.message).toContain('cannot be written: the disk is full')
      expect(ledger.listJobs({}).map((job) => job.id)).toEqual(['a'])
      ledger.setState('a', 'encode')
      expect(ledger.listJobs({})[0]?.state).toBe('encode')
      // What still goes on holds the disk.
      await ledger.flush()
    } finally {
      execFileSync('umount', [state])
    }
  })
})
