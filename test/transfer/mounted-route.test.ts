import { mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createHost } from '../../src/host/create-host.ts'
import type { Host } from '../../src/host/host.ts'
import { createMountedRoute } from '../../src/transfer/mounted-route.ts'
import { makeHostConfig } from '../contract/host-config.ts'
import { createPlan } from '../fixtures/job-plan.ts'

test('what a host wrote goes, even where its folder is not the one that the result was meant for', async () => {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'encode-mounted-')))
  const [here, there] = [join(base, 'here'), join(base, 'there')]
  for (const folder of [here, there]) {
    await mkdir(folder)
    await writeFile(join(folder, 'film.mp4'), 'film')
  }
  // A machine that mounts a copy of the media: same names, same sizes.
  const pathSubstitutions = [{ from: `${here}/`, to: `${there}/` }]
  const config = makeHostConfig({ name: 'tower', type: 'local', workingDir: base, pathSubstitutions })
  await using host = createHost({ config, sshProgram: undefined, env: process.env, homeFolder: homedir() })
  const signal = AbortSignal.timeout(20_000)
  await host.open(signal)
  const plan = createPlan('run-1', join(here, 'film.mp4'))
  const { size, mtimeMs } = await stat(plan.source.path)
  const route = await createMountedRoute({
    plan: { ...plan, source: { ...plan.source, sizeBytes: size, mtimeMs } },
    attempt: 1,
    host,
    temporary: join(here, '.encode-run-1-1.mkv'),
    workFolder: async () => base,
    flsPath: undefined,
    signal,
    files: { note: async () => {}, forget: async () => {} },
  })
  await writeFile(route.hostResult, 'result')
  expect(await readdir(there)).toContain('.encode-run-1-1.mkv')
  await route.cleanUp()
  expect(await readdir(there)).toEqual(['film.mp4'])
  expect(await readdir(here)).toEqual(['film.mp4'])
  await rm(base, { recursive: true })
})

test('a host that sees the source is asked no more than that, and nothing once the result stands in its place', async () => {
  const asked: string[] = []
  const forgotten: string[] = []
  const plan = createPlan('run-1', '/films/film.mp4')
  const host = {
    config: makeHostConfig({ name: 'tower', type: 'mounted', pathSubstitutions: [{ from: '/films/', to: '/mnt/films/' }] }),
    statFile: async (path: string) => {
      asked.push(`stat ${path}`)
      return { kind: 'file', sizeBytes: plan.source.sizeBytes }
    },
    removeFiles: async ([path]: readonly string[]) => {
      asked.push(`remove ${path}`)
    },
  } as Partial<Host> as Host
  const route = await createMountedRoute({
    plan,
    attempt: 1,
    host,
    temporary: '/films/.encode-run-1-1.mkv',
    workFolder: () => Promise.reject(new Error('No work folder is needed')),
    flsPath: undefined,
    signal: new AbortController().signal,
    files: {
      note: async () => {},
      forget: async (place, path) => {
        forgotten.push(`${place} ${path}`)
      },
    },
  })
  await route.cleanUp({ isResultPlaced: true })
  expect(asked).toEqual(['stat /mnt/films/film.mp4'])
  expect(forgotten).toEqual(['host /mnt/films/.encode-run-1-1.mkv'])
  await route.cleanUp()
  expect(asked.at(-1)).toBe('remove /mnt/films/.encode-run-1-1.mkv')
})
