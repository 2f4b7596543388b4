import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMountTable } from '../../src/plan/mount-table.ts'

test('names are told as they are, and the table is read once for many of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'encode-mounts-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  const file = join(folder, 'mountinfo')
  const toLine = (point: string) => `36 35 98:0 /a ${point} rw,noatime shared:1 - ext3 /dev/root rw\n`
  await writeFile(file, toLine('/media/my\\040film.mkv') + toLine('/media/\u00c4.mkv'))
  const { isMountPoint } = createMountTable(file)
  expect(await Promise.all(['/media/my film.mkv', '/media/\u00c4.mkv', '/media/my', ''].map(isMountPoint))).toEqual([
    true,
    true,
    false,
    false,
  ])
  await rm(file)
  expect(await isMountPoint('/media/my film.mkv')).toBe(true)
})

test('where there is no such table, nothing is known to be a mount', async () => {
  expect(await createMountTable('/nowhere/mountinfo').isMountPoint('/media')).toBe(false)
})
