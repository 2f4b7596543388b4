import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openProbeMemory, type ProbeMemoryOptions } from '../../src/ledger/probe-memory.ts'

let folder: string
let file: string
let nowMs = 1_000_000_000_000

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-probes-'))
  file = join(folder, 'probes.sqlite')
})

afterEach(() => rm(folder, { recursive: true }))

test('what was remembered is recalled by the next run, and the last word counts', () => {
  remember({ '/a.mkv': 'old', '/b "ü".mkv': 'b' })
  remember({ '/a.mkv': 'new' })
  expect(recall('/a.mkv', '/b "ü".mkv', '/c.mkv')).toEqual(['new', 'b', undefined])
})

test('it is for its owner alone, and leaves no other file', async () => {
  remember({ '/a.mkv': 'a' })
  expect((await stat(file)).mode & 0o077).toBe(0)
  expect(await readdir(folder)).toEqual(['probes.sqlite'])
})

test('a dry run recalls and writes nothing', async () => {
  const missing = join(folder, 'missing')
  {
    using memory = open({ folder: missing, isReadOnly: true })
    memory.remember('/a.mkv', 'a')
    expect(memory.recall('/a.mkv')).toBeUndefined()
  }
  expect(existsSync(missing)).toBe(false)
  remember({ '/a.mkv': 'a' })
  const before = await readFile(file)
  {
    using memory = open({ isReadOnly: true })
    expect(memory.recall('/a.mkv')).toBe('a')
    memory.remember('/a.mkv', 'b')
  }
  expect(await readFile(file)).toEqual(before)
  expect(await readdir(folder)).toEqual(['probes.sqlite'])
})

test('whether anything is known of a file or below a folder is told, without making the file', () => {
  {
    using memory = open({})
    expect(memory.knowsBelow('/films')).toBe(false)
  }
  expect(existsSync(file)).toBe(false)
  remember({ '/films/a.mkv': 'a' })
  using memory = open({})
  const paths = ['/films/a.mkv', '/films', '/films/', '/', '/film', '/films/a', '/films/b', '/films/a.mkv/b']
  expect(paths.map((path) => memory.knowsBelow(path))).toEqual([true, true, true, true, false, false, false, false])
})

test('what was used longest ago goes when there is too much', () => {
  remember({ '/a.mkv': 'a' }, { maxEntries: 2 })
  nowMs += 2 * 24 * 3600 * 1000
  remember({ '/b.mkv': 'b' }, { maxEntries: 2 })
  nowMs += 2 * 24 * 3600 * 1000
  recall('/a.mkv')
  nowMs += 1000
  remember({ '/c.mkv': 'c' }, { maxEntries: 2 })
  expect(recall('/a.mkv', '/b.mkv', '/c.mkv')).toEqual(['a', undefined, 'c'])
})

test.each([
  [
    'no database',
    () => writeFile(file, 'This is no database, but it is long enough to look like the header of one, or so it seems to me.'.repeat(20)),
  ],
  ['one whose pages are spoilt', () => spoil(4096, 4096)],
  ['one of another shape', async () => change('DROP TABLE probes; CREATE TABLE probes (x); PRAGMA user_version = 7')],
])('a file that is %s is begun anew', async (_, harm) => {
  remember(Object.fromEntries(Array.from({ length: 300 }, (_unused, number) => [`/${number}.mkv`, `${number} ${'x'.repeat(number)}`])))
  await harm()
  for (let run = 0; run < 3; run += 1) remember({ '/a.mkv': 'a' })
  expect(recall('/a.mkv')).toEqual(['a'])
})

test('an entry that is not what was written is not recalled', () => {
  remember({ '/a.mkv': 'a', '/b.mkv': 'b', '/c.mkv': 'c' })
  change("UPDATE probes SET said = (SELECT said FROM probes WHERE path = '/b.mkv') WHERE path = '/a.mkv'")
  change("UPDATE probes SET said = x'00112233' WHERE path = '/b.mkv'")
  expect(recall('/a.mkv', '/b.mkv', '/c.mkv')).toEqual([undefined, undefined, 'c'])
})

test('a file that another program holds is left alone', () => {
  remember({ '/a.mkv': 'a' })
  const other = new DatabaseSync(file)
  other.exec('BEGIN EXCLUSIVE')
  remember({ '/a.mkv': 'b' })
  other.exec('ROLLBACK')
  other.close()
  expect(recall('/a.mkv')).toEqual(['a'])
})

test('a folder where nothing can be written is no obstacle', async () => {
  const taken = join(folder, 'taken')
  await writeFile(taken, '')
  for (const text of ['a', 'b']) {
    using memory = open({ folder: taken })
    expect(memory.recall('/a.mkv')).toBeUndefined()
    memory.remember('/a.mkv', text)
    expect(memory.recall('/a.mkv')).toBe(text)
  }
})

function open(options: Partial<ProbeMemoryOptions> = {}) {
  return openProbeMemory({ folder, clock: { now: () => nowMs }, warner: process, ...options })
}

function remember(texts: Readonly<Record<string, string>>, options: Partial<ProbeMemoryOptions> = {}): void {
  using memory = open(options)
  for (const [path, text] of Object.entries(texts)) memory.remember(path, text)
}

function recall(...paths: readonly string[]): readonly (string | undefined)[] {
  using memory = open()
  return paths.map((path) => memory.recall(path))
}

function change(sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

async function spoil(from: number, length: number): Promise<void> {
  const bytes = await readFile(file)
  await writeFile(file, bytes.fill(0xa5, from, from + length))
}
