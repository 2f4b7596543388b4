import { execFile } from 'node:child_process'
import { chmod, chown, link, lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { removeSource, replaceSource } from '../../src/job/replace.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { lacks } from '../capabilities.ts'

const run = promisify(execFile)
const NO_JOURNAL = { note: async () => {}, forget: async () => {} }

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-replace-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe('a result takes the place of its source', () => {
  test('under the same name: the rename is the replacement', async () => {
    const plan = await prepare({ output: 'film.mkv' })
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect(await list()).toEqual({ 'film.mkv': 'result' })
  })

  test('under another name: the source goes last', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect(await list()).toEqual({ 'film.mp4': 'result' })
  })

  test('modification time and permissions are the source’s', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    const result = await stat(at('film.mp4'))
    expect(result.mtime).toEqual(new Date('2001-02-03T04:05:06Z'))
    expect(result.mode & 0o777).toBe(0o640)
  })

  test('an access control list is the source’s, and opens the result to nobody else', async ({ skip }) => {
    const plan = await prepare({ output: 'film.mp4' })
    // The group may do nothing, user 1234 may read and write: the mode alone says rw for the group.
    await setAcl('film.mkv').catch(() => skip('No python3 here, or no access control lists'))
    expect((await stat(at('film.mkv'))).mode & 0o777).toBe(0o660)
    const { size, mtimeMs } = await stat(at('film.mkv'))
    await replaceSource({ ...plan, source: { ...plan.source, sizeBytes: size, mtimeMs } }, at('.temporary'), NO_JOURNAL)
    expect((await stat(at('film.mp4'))).mode & 0o777).toBe(0o660)
    expect(await readAcl('film.mp4')).toBe(ACL)
  })

  test('a read-only file is replaced by one that is read-only', async () => {
    const plan = await prepare({ output: 'film.mkv' })
    await chmod(at('film.mkv'), 0o444)
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect((await stat(at('film.mkv'))).mode & 0o777).toBe(0o444)
  })

  test('under a name that differs in letter case only, where the filesystem does not tell', async () => {
    const plan = await prepare({ output: 'FILM.MKV' })
    // What such a filesystem shows: one file under both names.
    await link(at('film.mkv'), at('FILM.MKV'))
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect(await list()).toEqual({ 'FILM.MKV': 'result' })
  })

  test('the target of a symbolic link changes, the link does not', async () => {
    const plan = await prepare({ output: 'film.mkv' })
    await symlink('film.mkv', at('link.mkv'))
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect((await lstat(at('link.mkv'))).isSymbolicLink()).toBe(true)
    expect(await list()).toEqual({ 'film.mkv': 'result', 'link.mkv': 'result' })
  })

  test.skipIf(lacks('root'))('the owner is the source’s, where root replaces it', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await chown(at('film.mkv'), 1_234, 4_321)
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect(await stat(at('film.mp4'))).toMatchObject({ uid: 1_234, gid: 4_321 })
  })

  test('with -k both stand', async () => {
    const plan = await prepare({ output: 'film.mp4', replacesSource: false })
    await replaceSource(plan, at('.temporary'), NO_JOURNAL)
    expect(await list()).toEqual({ 'film.mkv': 'source', 'film.mp4': 'result' })
  })
})

describe('the source stays, and says why', () => {
  test('when it was written to meanwhile', async () => {
    const plan = await prepare({ output: 'film.mkv' })
    await writeFile(at('film.mkv'), 'a longer source than before')
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect(await readFile(at('film.mkv'), 'utf8')).toBe('a longer source than before')
  })

  test('when it was written to without a change of size', async () => {
    const plan = await prepare({ output: 'film.mkv' })
    await writeFile(at('film.mkv'), 'SOURCE')
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect(await readFile(at('film.mkv'), 'utf8')).toBe('SOURCE')
  })

  test('when it was moved away, and a link put in its place', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await rename(at('film.mkv'), at('moved.mkv'))
    await symlink('moved.mkv', at('film.mkv'))
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect(await list()).toMatchObject({ 'film.mkv': 'source', 'moved.mkv': 'source' })
  })

  test('when it is gone', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await rm(at('film.mkv'))
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' })
    expect(await list()).toEqual({ '.temporary': 'result' })
  })

  test('when another file took the name of the result', async () => {
    const plan = await prepare({ output: 'film.mp4' })
    await writeFile(at('film.mp4'), 'somebody else’s')
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'RESULT_NAME_TAKEN' })
    expect(await list()).toEqual({ '.temporary': 'result', 'film.mkv': 'source', 'film.mp4': 'somebody else’s' })
  })

  test('when the result cannot be moved', async () => {
    const plan = await prepare({ output: 'no-such-folder/film.mp4' })
    await expect(replaceSource(plan, at('.temporary'), NO_JOURNAL)).rejects.toMatchObject({ code: 'REPLACE_FAILED' })
    expect(await list()).toMatchObject({ 'film.mkv': 'source' })
  })
})

test.each([
  ['edited', async () => await writeFile(at('film.mkv'), 'edited')],
  ['replaced by a link', async () => await rm(at('film.mkv')).then(() => symlink('film.mp4', at('film.mkv')))],
])('a source that is %s while the disk takes down the name of its result is kept, too', async (_, change) => {
  const plan = await prepare({ output: 'film.mp4' })
  await rename(at('.temporary'), at('film.mp4'))
  await change()
  await expect(removeSource(plan)).rejects.toMatchObject({
    code: 'SOURCE_NOT_REMOVED',
    message: expect.stringContaining('changed meanwhile'),
  })
  expect(Object.keys(await list())).toEqual(['film.mkv', 'film.mp4'])
})

test('--overwrite replaces a file of the result’s name', async () => {
  const plan = await prepare({ output: 'film.mp4', mayOverwrite: true })
  await writeFile(at('film.mp4'), 'old')
  await replaceSource(plan, at('.temporary'), NO_JOURNAL)
  expect(await list()).toEqual({ 'film.mp4': 'result' })
})

test('another hard link to the source keeps the old film', async () => {
  const plan = await prepare({ output: 'film.mkv' })
  await link(at('film.mkv'), at('second.mkv'))
  await replaceSource(plan, at('.temporary'), NO_JOURNAL)
  expect(await list()).toEqual({ 'film.mkv': 'result', 'second.mkv': 'source' })
})

/** acl(5) as the kernel keeps it, in hexadecimal: owner rw, user 1234 rw, group nothing, mask rw, others nothing. */
const ACL = '0200000001000600ffffffff02000600d204000004000000ffffffff10000600ffffffff20000000ffffffff'

async function setAcl(name: string): Promise<void> {
  const code = 'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))'
  await run('python3', ['-c', code, at(name), ACL])
}

async function readAcl(name: string): Promise<string> {
  const code = 'import os, sys; print(os.getxattr(sys.argv[1], "system.posix_acl_access").hex())'
  return (await run('python3', ['-c', code, at(name)])).stdout.trim()
}

async function prepare(options: { readonly output: string } & Partial<Pick<JobPlan, 'replacesSource' | 'mayOverwrite'>>): Promise<JobPlan> {
  await writeFile(at('film.mkv'), 'source')
  await chmod(at('film.mkv'), 0o640)
  await utimes(at('film.mkv'), new Date(), new Date('2001-02-03T04:05:06Z'))
  await writeFile(at('.temporary'), 'result', { mode: 0o600 })
  const { size, mtimeMs } = await stat(at('film.mkv'))
  return {
    id: 'run-1',
    cluster: 'home',
    source: { path: at('film.mkv'), sizeBytes: size, mtimeMs, container: 'matroska,webm', durationSeconds: 1, streams: [] },
    profile: { name: 'x', kind: 'profile', extension: '.mkv', queue: '_default', threshold: 0, thresholdCheck: 100 },
    arguments: { input: [], output: [] },
    rule: undefined,
    replacesSource: true,
    mayOverwrite: false,
    queueFile: undefined,
    ...options,
    output: at(options.output),
  }
}

async function list(): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const name of await readdir(folder)) files[name] = await readFile(at(name), 'utf8')
  return files
}

function at(name: string): string {
  return join(folder, name)
}
