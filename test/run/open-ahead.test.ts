import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHost } from '../../src/host/create-host.ts'
import type { Host } from '../../src/host/host.ts'
import type { HostConfig } from '../../src/model/config.ts'
import { openAhead } from '../../src/run/open-ahead.ts'
import { makeHostConfig } from '../contract/host-config.ts'

let folder: string
let made: string[]
let closed: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-ahead-'))
  made = []
  closed = []
})

afterEach(() => rm(folder, { recursive: true }))

test('a host is opened once, for the run that takes it', async () => {
  const here = config('here')
  await using ahead = openAhead([here], { createHost: create, signal: new AbortController().signal })
  await using host = ahead.createHost(here)
  const { ffmpegVersion } = await host.open()
  expect(ffmpegVersion).toMatch(/\d/)
  expect((await host.run(['echo', 'film'])).stdout).toBe('film\n')
  expect(made).toEqual(['here'])
})

test('one that comes again, or was not thought of, is made anew', async () => {
  const [here, other] = [config('here'), config('other')]
  await using ahead = openAhead([here], { createHost: create, signal: new AbortController().signal })
  await using _first = ahead.createHost(here)
  await using _again = ahead.createHost(here)
  await using _other = ahead.createHost(other)
  expect(made).toEqual(['here', 'here', 'other'])
})

test('hosts that are added are opened, too, and none twice', async () => {
  const [here, other] = [config('here'), config('other')]
  await using ahead = openAhead([here], { createHost: create, signal: new AbortController().signal })
  ahead.add([here, other])
  expect(made).toEqual(['here', 'other'])
  await using host = ahead.createHost(other)
  await host.open()
  expect(made).toEqual(['here', 'other'])
})

test('why a host cannot be opened is told to whoever takes it', async () => {
  const bare = { ...config('bare'), ffmpeg: '/no/such/ffmpeg' }
  await using ahead = openAhead([bare], { createHost: create, signal: new AbortController().signal })
  await using host = ahead.createHost(bare)
  await expect(host.open()).rejects.toMatchObject({ code: 'HOST_NO_FFMPEG' })
})

test('a host that cannot even be made is met again by whoever wants it', async () => {
  const fails = () => {
    throw new Error('No such kind of host')
  }
  await using ahead = openAhead([config('here')], { createHost: fails, signal: new AbortController().signal })
  expect(() => ahead.createHost(config('here'))).toThrow('No such kind of host')
})

test('what the run does not want is closed as soon as it has taken the others', async () => {
  const [here, other] = [config('here'), config('other')]
  const isClosed = Promise.withResolvers<void>()
  await using ahead = openAhead([here, other], {
    createHost: (host) => create(host, isClosed.resolve),
    signal: new AbortController().signal,
  })
  await using host = ahead.createHost(here)
  await isClosed.promise
  expect(closed).toEqual(['other'])
  await host.open()
})

test('hosts that nobody took are closed at the end, also while they are being opened', async () => {
  {
    await using _ahead = openAhead([config('here'), config('other')], { createHost: create, signal: new AbortController().signal })
  }
  expect(closed.sort()).toEqual(['here', 'other'])
})

test('whoever takes a host may give up waiting for it', async () => {
  const here = config('here')
  await using ahead = openAhead([here], { createHost: create, signal: new AbortController().signal })
  await using host = ahead.createHost(here)
  await expect(host.open(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})

function config(name: string): HostConfig {
  return makeHostConfig({ name, type: 'local', workingDir: join(folder, name) })
}

function create(host: HostConfig, onClosed = () => {}): Host {
  made.push(host.name)
  const real = createHost({ config: host, sshProgram: undefined, env: process.env, homeFolder: folder })
  return {
    ...real,
    async [Symbol.asyncDispose]() {
      await real[Symbol.asyncDispose]()
      closed.push(host.name)
      onClosed()
    },
  }
}
