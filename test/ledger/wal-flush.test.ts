import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/ledger/database.ts'
import { createWalFlush } from '../../src/ledger/wal-flush.ts'

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-flush-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  return folder
}

async function openTestDatabase() {
  const file = join(await makeFolder(), 'ledger.sqlite')
  const db = openDatabase(file, { warner: undefined, busyTimeoutMs: 1000 })
  onTestFinished(() => db[Symbol.dispose]())
  return { db, file }
}

test('a flush ends after what was written before it, and one flush is enough for all that came meanwhile', async () => {
  const { db, file } = await openTestDatabase()
  db.setDurability('written')
  db.run("INSERT INTO runs (id, started_at, pid, process, argv, clusters) VALUES ('a', 1, 1, '{}', '[]', '[]')")
  const flush = createWalFlush(file)
  onTestFinished(() => flush[Symbol.dispose]())
  const order: string[] = []
  const told = (name: string) => flush.flush().then(() => order.push(name))
  const all = [told('first'), told('second'), told('third')]
  await Promise.all(all)
  expect(order).toEqual(['first', 'second', 'third'])
  await flush.flush()
})

test('locks of the database hold after a flush, and another connection sees what was written', async () => {
  const { db, file } = await openTestDatabase()
  db.setDurability('written')
  db.transaction(() => db.run("INSERT INTO runs (id, started_at, pid, process, argv, clusters) VALUES ('a', 1, 1, '{}', '[]', '[]')"))
  await db.flush()
  const other = openDatabase(file, { warner: undefined, busyTimeoutMs: 50 })
  onTestFinished(() => other[Symbol.dispose]())
  expect(other.get('SELECT id FROM runs')).toEqual({ id: 'a' })
  db.transaction(() => {
    db.run("UPDATE runs SET pid = 2 WHERE id = 'a'")
    expect(() => other.run("UPDATE runs SET pid = 3 WHERE id = 'a'")).toThrow('is held by another program')
  })
  await db.flush()
  expect(other.get('SELECT pid FROM runs')).toEqual({ pid: 2 })
})

test('a disk that fails is told of to whoever waits for it, from then on', async () => {
  const folder = await makeFolder()
  const { db } = await openTestDatabase()
  await mkdir(join(folder, 'ledger.sqlite-wal'))
  const flush = createWalFlush(join(folder, 'ledger.sqlite'))
  await expect(flush.flush()).rejects.toThrow('EISDIR')
  await rmdir(join(folder, 'ledger.sqlite-wal'))
  await expect(flush.flush()).rejects.toThrow('EISDIR')
  await expect(db.flush()).resolves.toBeUndefined()
})

test('a database that is closed while it is flushed ends well', async () => {
  const { db } = await openTestDatabase()
  db.setDurability('written')
  db.run("INSERT INTO runs (id, started_at, pid, process, argv, clusters) VALUES ('a', 1, 1, '{}', '[]', '[]')")
  const flushes = [db.flush(), db.flush()]
  db[Symbol.dispose]()
  await expect(Promise.all(flushes)).resolves.toEqual([undefined, undefined])
})
