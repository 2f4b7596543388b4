import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseKnownFfmpeg, toKnownFfmpeg } from '../../../src/host/facts/known-ffmpeg.ts'
import { loadFacts } from '../../../src/host/facts/load-facts.ts'
import type { KnownFfmpeg } from '../../../src/host/host.ts'
import { createLocalFiles } from '../../../src/host/local/local-files.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'
import { createPosixHost } from '../../../src/host/posix-host.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

let home: string
let config: HostConfig
let known: KnownFfmpeg
let transport: ReturnType<typeof createLocalTransport>

/** An ffmpeg that says what stands in a file, and nothing while another file is there. */
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'encode-known-'))
  config = makeHostConfig({ name: 'box', type: 'local', ffmpeg: join(home, 'ffmpeg'), workingDir: join(home, 'work') })
  transport = createLocalTransport({ hostName: 'box', env: process.env })
  await writeProgram('')
  await say('7.1', 'libx264')
  known = toKnownFfmpeg((await load(undefined)).facts) as KnownFfmpeg
})

afterEach(async () => {
  await rm(join(home, 'gate'), { force: true })
  await transport[Symbol.asyncDispose]()
  await rm(home, { recursive: true })
})

test('an ffmpeg that is known is believed before it has started, and asked meanwhile', async () => {
  await writeFile(join(home, 'gate'), '')
  const { facts, confirming } = await load(known)
  expect(facts).toMatchObject({ ffmpegVersion: '7.1', encoders: ['libx264'], workingDir: join(home, 'work') })
  expect(facts.freeBytes).toBeGreaterThan(0)
  // Believed twice it would be remembered for good.
  expect(toKnownFfmpeg(facts)).toBeUndefined()
  await rm(join(home, 'gate'))
  expect(await confirming).toBe(true)
})

test('another file of that name is asked first', async () => {
  await writeProgram('# newer')
  await say('7.2', 'libx265')
  const { facts, confirming } = await load(known)
  expect(facts).toMatchObject({ ffmpegVersion: '7.2', encoders: ['libx265'] })
  expect(confirming).toBeUndefined()
  expect(toKnownFfmpeg(facts)).toMatchObject({ ffmpegVersion: '7.2' })
})

test.each([
  { what: 'another version', version: '7.2', encoder: 'libx264' },
  { what: 'other encoders', version: '7.1', encoder: 'libx265' },
])('that it is $what is found out', async ({ version, encoder }) => {
  await say(version, encoder)
  expect(await (await load(known)).confirming).toBe(false)
})

test('that it does not run any more is told as ever', async () => {
  await writeFile(join(home, 'said'), 'error while loading shared libraries: libavcodec.so.61\n')
  const message = `"${join(home, 'ffmpeg')}" on host "box" does not run: it said "error while loading shared libraries: libavcodec.so.61"`
  await expect((await load(known)).confirming).rejects.toMatchObject({ code: 'HOST_NO_FFMPEG', message })
})

test('that the working folder cannot be used is told at once with the rest', async () => {
  await writeFile(join(home, 'file'), '')
  const folder = join(home, 'file/work')
  const loading = loadFacts(transport, { ...config, workingDir: folder }, { timing: TEST_TIMING, known })
  await expect(loading).rejects.toMatchObject({ code: 'HOST_FOLDER_UNUSABLE' })
})

test('a host that turns out to have another one counts as lost, and is not believed again', async () => {
  await say('7.2', 'libx264')
  const { promise: other, resolve: onOther } = Promise.withResolvers<void>()
  const options = { config, transport, createFiles: () => createLocalFiles({ hostName: 'box' }), timing: TEST_TIMING }
  await using host = createPosixHost(options)
  expect((await host.open(undefined, { known: { ffmpeg: known, onOther } })).ffmpegVersion).toBe('7.1')
  await other
  await expect(host.run(['true'])).rejects.toMatchObject({
    code: 'HOST_LOST',
    message: 'Host "box" has another ffmpeg than it had: it is reopened',
  })
})

test('a host that is closed before its ffmpeg has answered is believed the next time', async () => {
  await writeFile(join(home, 'gate'), '')
  const others: string[] = []
  const options = { config, transport, createFiles: () => createLocalFiles({ hostName: 'box' }), timing: TEST_TIMING }
  const host = createPosixHost(options)
  await host.open(undefined, { known: { ffmpeg: known, onOther: () => others.push('other') } })
  await host[Symbol.asyncDispose]()
  expect(others).toEqual([])
})

test.each(['', '{', 'null', '[]', '{"ffmpegFile":"1"}', '{"ffmpegFile":"1","ffmpegVersion":"7.1","encoders":[1]}'])(
  'a memory that holds %j is as none',
  (text) => {
    expect(parseKnownFfmpeg(text)).toBeUndefined()
  },
)

test('what is remembered is read as it was', () => {
  expect(parseKnownFfmpeg(JSON.stringify(known))).toEqual(known)
})

async function load(believed: KnownFfmpeg | undefined) {
  return await loadFacts(transport, config, { timing: TEST_TIMING, known: believed })
}

async function writeProgram(comment: string): Promise<void> {
  await rm(join(home, 'ffmpeg'), { force: true })
  const wait = `while [ -e '${home}/gate' ]; do sleep 0.05; done`
  const script = `#!/bin/sh\n${comment}\n${wait}\ncase $* in *-hwaccels*) ;; *) cat '${home}/said' ;; esac\n`
  await writeFile(join(home, 'ffmpeg'), script, { mode: 0o755 })
}

async function say(version: string, encoder: string): Promise<void> {
  await writeFile(join(home, 'said'), `ffmpeg version ${version} Copyright\n V....D ${encoder}   Something (codec h264)\n`)
}
