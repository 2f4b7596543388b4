import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureFolder } from '../../src/job/ensure-folder.ts'
import { lacks } from '../capabilities.ts'

let base: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'encode-folder-'))
})

afterEach(() => rm(base, { recursive: true }))

test('folders that were made for a result that never came are taken back', async () => {
  const folder = await ensureFolder(join(base, 'tv', 's01'))
  expect(existsSync(join(base, 'tv', 's01'))).toBe(true)
  await folder.removeIfEmpty()
  expect(existsSync(join(base, 'tv'))).toBe(false)
})

test('a job that fails does not take the folder from one that still waits for it, the last one does', async () => {
  const [failed, waiting] = [await ensureFolder(join(base, 'tv', 's01')), await ensureFolder(join(base, 'tv', 's01'))]
  const sibling = await ensureFolder(join(base, 'tv', 's02'))
  await failed.removeIfEmpty()
  expect(existsSync(join(base, 'tv', 's01'))).toBe(true)
  await waiting.removeIfEmpty()
  expect(existsSync(join(base, 'tv', 's01'))).toBe(false)
  expect(existsSync(join(base, 'tv', 's02'))).toBe(true)
  await sibling.removeIfEmpty()
})

test('a folder that was there, that holds a result, or that somebody put something in, stays', async () => {
  await (await ensureFolder(base)).removeIfEmpty()
  expect(existsSync(base)).toBe(true)
  const kept = await ensureFolder(join(base, 'kept'))
  kept.keep()
  await kept.removeIfEmpty()
  expect(existsSync(join(base, 'kept'))).toBe(true)
  const used = await ensureFolder(join(base, 'used'))
  await writeFile(join(base, 'used', 'note.txt'), 'mine')
  await used.removeIfEmpty()
  expect(existsSync(join(base, 'used', 'note.txt'))).toBe(true)
})

test('a folder that cannot be made says so, and is waited for by nobody', async () => {
  await writeFile(join(base, 'file'), '')
  await expect(ensureFolder(join(base, 'file', 'x'))).rejects.toMatchObject({ code: 'EEXIST' })
  await rm(join(base, 'file'))
  await (await ensureFolder(join(base, 'file', 'x'))).removeIfEmpty()
  expect(existsSync(join(base, 'file'))).toBe(false)
})

test.skipIf(lacks('proc'))('a folder that the system does not allow below one that is there says so, and hangs nobody', async () => {
  await expect(ensureFolder('/proc/encode/x')).rejects.toMatchObject({ code: 'ENOENT' })
})
