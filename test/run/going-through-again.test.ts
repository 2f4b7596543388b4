/** A folder that is gone through a second time, after Ctrl-C or because films have come, holds results of the first. */

import { rename } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runEncode } from '../../src/run/run-encode.ts'
import { QUICK_CONFIG } from '../fixtures/quick-plan.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CONFIG = {
  ...QUICK_CONFIG,
  profiles: [
    ...QUICK_CONFIG.profiles,
    ...QUICK_CONFIG.profiles.filter(({ name }) => name === 'quick').map((quick) => ({ ...quick, name: 'other' })),
  ],
}

let folder: RunFolder

beforeEach(async () => {
  folder = await makeRunFolder()
  await folder.makeFilm('a.mkv')
  await folder.makeFilm('b.mp4')
})

afterEach(() => folder[Symbol.asyncDispose]())

test('what a profile has made is not encoded with it again, unless it is named; a dry run says so, too', async () => {
  expect(await run('.')).toEqual({ status: 0, done: ['a.mkv', 'b.mp4'], skipped: [] })
  await folder.makeFilm('b - part 2.mp4')
  const wanted = { status: 0, skipped: ['a.mkv', 'b.mkv'] }
  expect(await run('.', { isDryRun: true })).toEqual({ ...wanted, done: [] })
  expect(folder.eventsOf('job.planned')).toMatchObject([{ file: folder.at('b - part 2.mp4') }])
  expect(await run('.')).toEqual({ ...wanted, done: ['b - part 2.mp4'] })
  expect(folder.eventsOf('job.skipped')[0]?.reason).toMatch(/^run \S+ made it with "quick"; to encode it again, name the file itself$/)
  expect(await run('b.mkv')).toEqual({ status: 0, done: ['b.mkv'], skipped: [] })
})

test('what has another name, other bytes or another profile by now is encoded', async () => {
  expect(await run('.')).toMatchObject({ status: 0 })
  await rename(folder.at('a.mkv'), folder.at('c.mkv'))
  await folder.makeFilm('b.mkv', 2)
  expect(await run('.')).toEqual({ status: 0, done: ['b.mkv', 'c.mkv'], skipped: [] })
  expect(await run('.', { profile: 'other' })).toMatchObject({ done: ['b.mkv', 'c.mkv'], skipped: [] })
})

async function run(
  path: string,
  { profile, isDryRun = false }: { readonly profile?: string; readonly isDryRun?: boolean } = {},
): Promise<object> {
  folder.events.length = 0
  const target = { cluster: undefined, choice: { ...PLAIN_REQUEST.queueTarget.choice, profile }, path, queueFile: undefined }
  const world = toRunWorld(folder.path, (event) => folder.events.push(event))
  const status = await runEncode({ ...PLAIN_REQUEST, config: CONFIG, targets: [target], isDryRun }, world)
  const namesOf = (name: 'job.done' | 'job.skipped') =>
    folder
      .eventsOf(name)
      .map(({ file }) => file.slice(folder.path.length + 1))
      .sort()
  return { status, done: namesOf('job.done'), skipped: namesOf('job.skipped') }
}
