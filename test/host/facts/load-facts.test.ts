import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CommandTransport } from '../../../src/host/channel.ts'
import { loadFacts } from '../../../src/host/facts/load-facts.ts'
import { createLocalTransport } from '../../../src/host/local/local-transport.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

describe('a host that comes up', () => {
  let home: string
  let bin: string

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'encode-facts-'))
    bin = join(home, 'bin')
    await mkdir(bin)
    // A PATH without ffmpeg, but with all that the question needs.
    for (const tool of [
      'uname',
      'nproc',
      'sed',
      'tr',
      'head',
      'tail',
      'mkdir',
      'rmdir',
      'id',
      'chmod',
      'df',
      'cut',
      'dirname',
      'sleep',
      'ps',
    ])
      await symlink(`/bin/${tool}`, join(bin, tool))
  })

  afterEach(async () => await rm(home, { recursive: true, force: true }))

  async function ask(fields: Partial<HostConfig>, env: Readonly<Record<string, string>> = {}, wrap = (line: string): string => line) {
    const local = createLocalTransport({ hostName: 'box', env: { PATH: bin, HOME: home, ...env } })
    const transport: CommandTransport = { ...local, openCommand: async (line, signal) => await local.openCommand(wrap(line), signal) }
    await using _closed = local
    const config = makeHostConfig({ name: 'box', type: 'streaming', ...fields })
    const { facts } = await loadFacts(transport, config, { timing: TEST_TIMING, timeoutMs: 8000 })
    return facts
  }

  test('is asked for ffmpeg on the PATH, and uses the ffprobe beside it', async () => {
    const facts = await ask({}, { PATH: `${bin}:/usr/bin` })
    expect(facts).toMatchObject({ os: 'linux', ffmpegPath: '/usr/bin/ffmpeg', ffprobePath: '/usr/bin/ffprobe' })
    expect(facts.encoders).toContain('libx264')
  })

  test('finds the ffmpeg that only its login shell knows', async () => {
    await writeFile(join(home, '.bash_profile'), 'echo "Welcome to the box"; PATH=$PATH:/usr/bin\n')
    expect(await ask({}, { SHELL: '/bin/bash' })).toMatchObject({ ffmpegPath: '/usr/bin/ffmpeg' })
  })

  test('finds the programs that the configuration names, also below the home folder', async () => {
    await symlink('/usr/bin/ffmpeg', join(home, "my ffmpeg's"))
    const facts = await ask({ ffmpeg: "~/my ffmpeg's", ffprobe: '/usr/bin/ffprobe' })
    expect(facts).toMatchObject({ ffmpegPath: join(home, "my ffmpeg's"), ffprobePath: '/usr/bin/ffprobe' })
  })

  test('says which devices of encoders it has, but not where a script in the place of ffmpeg may know others', async () => {
    expect((await ask({ ffmpeg: '/usr/bin/ffmpeg' })).devices).toBeInstanceOf(Array)
    await writeFile(join(home, 'ffmpeg'), '#!/bin/sh\nexec /usr/bin/ffmpeg "$@"\n', { mode: 0o755 })
    expect((await ask({ ffmpeg: '~/ffmpeg' })).devices).toBeUndefined()
  })

  test('makes its working folder in the cache of the user, for the user alone', async () => {
    const { workingDir, freeBytes } = await ask({ ffmpeg: '/usr/bin/ffmpeg' })
    expect(workingDir).toBe(join(home, '.cache/encode'))
    expect((await stat(workingDir)).mode & 0o777).toBe(0o700)
    expect(freeBytes).toBeGreaterThan(0)
    expect(await ask({ ffmpeg: '/usr/bin/ffmpeg' }, { XDG_CACHE_HOME: join(home, 'elsewhere') })).toMatchObject({
      workingDir: join(home, 'elsewhere/encode'),
    })
  })

  test('makes the configured working folder, and leaves the rights of one that is there', async () => {
    const shared = join(home, "shared it's $(here)")
    await mkdir(shared)
    await chmod(shared, 0o775)
    expect((await ask({ ffmpeg: '/usr/bin/ffmpeg', workingDir: shared })).workingDir).toBe(shared)
    expect((await stat(shared)).mode & 0o777).toBe(0o775)
    expect((await ask({ ffmpeg: '/usr/bin/ffmpeg', workingDir: '~/new/deep' })).workingDir).toBe(join(home, 'new/deep'))
    expect((await stat(join(home, 'new/deep'))).mode & 0o777).toBe(0o700)
  })

  test('says which working folder cannot be used, and why', async () => {
    await writeFile(join(home, 'file'), '')
    const ffmpeg = '/usr/bin/ffmpeg'
    await expect(ask({ ffmpeg, workingDir: join(home, 'file') })).rejects.toMatchObject({ code: 'HOST_FOLDER_UNUSABLE' })
    await expect(ask({ ffmpeg, workingDir: 'relative' })).rejects.toThrow('it is not an absolute path')
  })

  test('says that it has no ffmpeg, or not the one that was named', async () => {
    await expect(ask({})).rejects.toMatchObject({ code: 'HOST_NO_FFMPEG', message: expect.stringContaining('/opt/homebrew/bin') })
    await expect(ask({ ffmpeg: '/opt/none' })).rejects.toMatchObject({
      code: 'HOST_NO_FFMPEG',
      message: expect.stringContaining('/opt/none'),
    })
  })

  test('is told apart from one that gives no shell', async () => {
    const nologin = (): string => 'echo This account is currently not available.; exit 1'
    await expect(ask({}, {}, nologin)).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      message: expect.stringContaining('gives no shell: it said "This account is currently not available."'),
    })
  })

  test('is told apart from Windows', async () => {
    const cmd = (line: string): string => (line.startsWith('echo') ? 'echo AWindows_NTB' : 'echo "\'exec\' is not recognized" >&2; exit 1')
    await expect(ask({}, {}, cmd)).rejects.toMatchObject({ name: 'WindowsShell', defaultShell: 'cmd' })
  })

  test('is given up when its login files never end', async () => {
    const hanging = (line: string): string => `sleep 60; ${line}`
    await expect(ask({}, {}, hanging)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', message: expect.stringContaining('within 8 s') })
  })
})
