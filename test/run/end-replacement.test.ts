import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mapConcurrently } from '../../src/core/map-concurrently.ts'
import { replaceSource } from '../../src/job/replace.ts'
import type { UnfinishedJob } from '../../src/ledger/records.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { endReplacement } from '../../src/run/end-replacement.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const SOURCE = 'the source, somewhat longer'
const RESULT = 'the result'
const NO_JOURNAL = { note: async () => {}, forget: async () => {} }
/** A file that a host wrote over a share as another user. */
const FOREIGN = { foreign: '.temporary', fail: { chmod: 'EPERM 1' } }
/** More calls than any way to replace a source makes. */
const MOST_CALLS = 24

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-crash-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe('a controller killed between any two calls of a replacement leaves a whole film, and resume ends what it began', () => {
  test.each<[string, Partial<JobPlan> & { readonly name?: string }, object]>([
    ['under the same name', { name: 'film.mkv' }, {}],
    ['under another name', { name: 'film.mp4' }, {}],
    ['under another name, without hard links', { name: 'film.mp4' }, { fail: { link: 'EPERM' } }],
    ['over another file', { name: 'film.mp4', mayOverwrite: true }, {}],
    ['beside the source', { name: 'film.mp4', replacesSource: false }, {}],
    ['from a file that a host wrote as another user', { name: 'film.mp4' }, FOREIGN],
  ])('%s', async (_, { name = '', ...fields }, faults) => {
    let doneAt = MOST_CALLS
    const looks = await mapConcurrently([...Array(MOST_CALLS).keys()], 4, async (index) => {
      if (index > doneAt) return []
      const place = await prepare(String(index), name, fields)
      const said = await runReplacement(place, { killBefore: index + 1, ...faults })
      const crashed = await list(place)
      const isSourceWhole = crashed['film.mkv'] === SOURCE
      const isResultWhole = crashed[name] === RESULT
      expect(isSourceWhole || isResultWhole, `after call ${index}`).toBe(true)

      const isEnded = await endReplacement(place.job, NO_JOURNAL)
      if (!isEnded) {
        // Then the job is done again, under a temporary name of its own.
        expect((await list(place))['film.mkv']).toBe(SOURCE)
        await rm(place.temporary, { force: true })
        await writeFile(`${place.temporary}2`, RESULT)
        await replaceSource(place.job.plan, `${place.temporary}2`, NO_JOURNAL)
      }
      // What is noted in the ledger goes at the start of a run.
      await rm(place.temporary, { force: true })
      await rm(`${place.temporary}.own`, { force: true })
      expect(await list(place), `after call ${index}`).toEqual({
        ...(fields.replacesSource === false ? { 'film.mkv': SOURCE } : {}),
        [name]: RESULT,
      })
      expect((await stat(join(place.folder, name))).mtime).toEqual(new Date('2001-02-03T04:05:06Z'))
      if (said === 'done') doneAt = Math.min(doneAt, index)
      return [{ said, isEnded }]
    })
    const ends = looks.flat()
    // Proof that it was killed at every point, and that both ways to go on were taken.
    expect(ends.at(-1)?.said).toBe('done')
    expect(ends.filter(({ said }) => said === '').length).toBeGreaterThan(6)
    expect(new Set(ends.map(({ isEnded }) => isEnded))).toEqual(new Set([false, true]))
  })
})

describe('where the filesystem lacks something', () => {
  test('hard links: a name that somebody took is still not overwritten', async () => {
    const place = await prepare('linkless', 'film.mp4', {})
    await writeFile(join(place.folder, 'film.mp4'), 'somebody else’s')
    expect(await runReplacement(place, { fail: { link: 'EPERM' } })).toContain('RESULT_NAME_TAKEN')
    expect(await list(place)).toEqual({ '.temporary': RESULT, 'film.mkv': SOURCE, 'film.mp4': 'somebody else’s' })
  })

  test.each(['EXDEV', 'EACCES', 'EINVAL'])('hard links (%s): the result is put in place without', async (code) => {
    const place = await prepare(code, 'film.mp4', {})
    expect(await runReplacement(place, { fail: { link: code } })).toBe('done')
    expect(await list(place)).toEqual({ 'film.mp4': RESULT })
  })

  test('hard links, and the rename fails: the name is free again', async () => {
    const place = await prepare('no-rename', 'film.mp4', {})
    expect(await runReplacement(place, { fail: { link: 'EPERM', rename: 'EIO' } })).toContain('REPLACE_FAILED')
    expect(await list(place)).toEqual({ '.temporary': RESULT, 'film.mkv': SOURCE })
  })

  test.each(['ENOTSUP', 'EPERM'])('permissions and times (%s): the result is put in place without', async (code) => {
    const place = await prepare(code, 'film.mp4', {})
    expect(await runReplacement(place, { fail: { chmod: code, utimes: code } })).toBe('done')
    expect(await list(place)).toEqual({ 'film.mp4': RESULT })
  })

  test('users (vfat, many shares): a long result is not copied in vain', async () => {
    const place = await prepare('userless', 'film.mp4', {})
    expect(await runReplacement(place, { fail: { chmod: 'EPERM', copyFile: 'EIO' } })).toBe('done')
    expect(await list(place)).toEqual({ 'film.mp4': RESULT })
  })

  test('room for a copy: the source is untouched, and the piece of a copy is gone', async () => {
    const place = await prepare('full', 'film.mp4', {})
    expect(await runReplacement(place, { ...FOREIGN, fail: { chmod: 'EPERM', copyFile: 'ENOSPC' } })).toContain('REPLACE_FAILED')
    expect(await list(place)).toEqual({ '.temporary': RESULT, 'film.mkv': SOURCE })
  })
})

test('a source that is written to while its result is copied stays', async () => {
  const place = await prepare('edited', 'film.mkv', {})
  expect(await runReplacement(place, FOREIGN, { EDIT: 'mended' })).toContain('SOURCE_CHANGED')
  expect(await list(place)).toMatchObject({ 'film.mkv': 'mended' })
})

test('a source stays where the name of its result may not outlive a power cut', async () => {
  const place = await prepare('unsynced', 'film.mp4', {})
  // After the file itself was flushed, twice.
  expect(await runReplacement(place, { fail: { sync: 'EIO' }, failAfter: { sync: 2 } })).toMatch(/SOURCE_NOT_REMOVED The result stands at/)
  expect(await list(place)).toEqual({ 'film.mkv': SOURCE, 'film.mp4': RESULT })
})

test('a source that cannot be removed stands beside its result, and both are named', async () => {
  const place = await prepare('stuck', 'film.mp4', {})
  const said = await runReplacement(place, { fail: { unlink: 'EACCES' } })
  expect(said).toMatch(/SOURCE_NOT_REMOVED The result stands at ".*film.mp4", but its source ".*film.mkv" cannot be removed/)
  expect(await list(place)).toMatchObject({ 'film.mkv': SOURCE, 'film.mp4': RESULT })
})

test('a result whose time the filesystem has rounded is known again', async () => {
  const place = await prepare('rounded', 'film.mp4', {})
  await rm(place.temporary)
  const result = join(place.folder, 'film.mp4')
  await writeFile(result, RESULT)
  await utimes(result, new Date(), new Date('2001-02-03T04:05:04.1Z'))
  expect(await endReplacement(place.job, NO_JOURNAL)).toBe(true)
  expect(await list(place)).toEqual({ 'film.mp4': RESULT })
})

test('a file of another size or time is not taken for the result, and the source stays', async () => {
  const place = await prepare('other', 'film.mp4', {})
  await rm(place.temporary)
  await writeFile(join(place.folder, 'film.mp4'), RESULT)
  expect(await endReplacement(place.job, NO_JOURNAL)).toBe(false)
  expect(await list(place)).toEqual({ 'film.mkv': SOURCE, 'film.mp4': RESULT })
})

interface Place {
  readonly folder: string
  readonly temporary: string
  readonly job: UnfinishedJob
}

async function prepare(id: string, name: string, fields: Partial<JobPlan>): Promise<Place> {
  const place = join(folder, id)
  await mkdir(place)
  const path = join(place, 'film.mkv')
  await writeFile(path, SOURCE)
  await utimes(path, new Date(), new Date('2001-02-03T04:05:06Z'))
  const { size, mtimeMs } = await stat(path)
  const plan = createPlan('run-1', path, { ...fields, output: join(place, name) })
  if (plan.mayOverwrite) await writeFile(plan.output, 'an older film')
  const temporary = join(place, '.temporary')
  await writeFile(temporary, RESULT)
  const job = {
    plan: { ...plan, source: { ...plan.source, sizeBytes: size, mtimeMs } },
    state: 'replace',
    temporary,
    outputBytes: RESULT.length,
  } as UnfinishedJob
  return { folder: place, temporary, job }
}

/** What the child says; nothing when it was killed. */
async function runReplacement({ job, temporary }: Place, faults: object, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const fixtures = join(import.meta.dirname, '../fixtures')
  const child = spawn(process.execPath, ['--import', join(fixtures, 'inject-faults.ts'), join(fixtures, 'replace-source.ts'), temporary], {
    env: { ...process.env, NODE_OPTIONS: '', PLAN: JSON.stringify(job.plan), FAULTS: JSON.stringify(faults), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const signal = await new Promise((resolve) => child.once('close', (_status, name) => resolve(name)))
  expect([null, 'SIGKILL']).toContain(signal)
  return said
}

async function list(place: Place): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const name of await readdir(place.folder)) files[name] = await readFile(join(place.folder, name), 'utf8')
  return files
}
