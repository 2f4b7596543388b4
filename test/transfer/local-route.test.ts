import { mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLocalRoute } from '../../src/transfer/local-route.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { type LocalHost, openLocalHost } from '../fixtures/local-host.ts'

let here: LocalHost
let base: string

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'encode-local-route-')))
  await mkdir(join(base, 'films'))
  here = await openLocalHost()
})

afterEach(async () => {
  await here[Symbol.asyncDispose]()
  await rm(base, { recursive: true })
})

test('a result is written to fast storage first, and brought to its folder from there', async () => {
  await mkdir(join(base, 'ssd'))
  const route = await open(join(base, 'ssd'))
  expect(route.hostResult).toBe(join(base, 'ssd', '.encode-run-1-1.mkv'))
  expect(route.bringBack).toBeDefined()
})

test.each(['films', 'link'])('fast storage that is the folder of the result, called "%s", has nothing to be brought from', async (name) => {
  await symlink('films', join(base, 'link'))
  const route = await open(join(base, name))
  expect(route.hostResult).toBe(join(base, 'films', '.encode-run-1-1.mkv'))
  expect(route.bringBack).toBeUndefined()
  await route.cleanUp()
  expect(await readdir(join(base, 'films'))).toEqual([])
})

async function open(flsPath: string) {
  return await createLocalRoute({
    plan: createPlan('run-1', join(base, 'films', 'film.mp4')),
    attempt: 1,
    host: here.host,
    temporary: join(base, 'films', '.encode-run-1-1.mkv'),
    workFolder: async () => base,
    flsPath,
    signal: AbortSignal.timeout(20_000),
    files: { note: async () => {}, forget: async () => {} },
  })
}
