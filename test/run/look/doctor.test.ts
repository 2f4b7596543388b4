import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { EncodeError } from '../../../src/core/errors.ts'
import { createHost } from '../../../src/host/create-host.ts'
import type { Host } from '../../../src/host/host.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import type { HostReport } from '../../../src/model/host-report.ts'
import { type DoctorOptions, examineHosts, findDeadClusters } from '../../../src/run/look/doctor.ts'
import { toHostConfig } from '../../host/ssh/ssh-fixture.ts'

describe('the doctor', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-doctor-'))
    for (const name of ['films', 'tv']) {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'a.mkv'), name)
    }
  })

  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** This machine, which the configuration takes for another one. */
  function createHere(config: HostConfig, freeBytes = 50e9): Host {
    const local = { ...config, type: 'local', workingDir: folder } as const
    const host = createHost({ config: local, sshProgram: undefined, env: process.env, homeFolder: homedir() })
    return { ...host, config, open: async (...args) => ({ ...(await host.open(...args)), freeBytes }) }
  }

  async function examine(configs: readonly Partial<HostConfig>[], options: Partial<DoctorOptions> = {}): Promise<readonly HostReport[]> {
    return await examineHosts({
      hosts: new Map([['home', configs.map((parts, index) => toHostConfig({ name: `host${index}`, ...parts }))]]),
      paths: [],
      createHost: (config) => createHere(config),
      clock: systemClock,
      signal: new AbortController().signal,
      speeds: () => undefined,
      ...options,
    })
  }

  const codesOf = (report: HostReport | undefined) => report?.problems.map(({ code, isFatal }) => `${code}${isFatal ? ' fatal' : ''}`)

  test('takes a host that sees one of two mounts, and warns of the other', async () => {
    const films = { from: join(folder, 'films'), to: join(folder, 'films') }
    const tv = { from: join(folder, 'tv/'), to: '/not/there/' }
    const gone = { from: join(folder, 'none'), to: '/mnt/none' }
    const [both, none, unknown] = await examine(
      [[films, tv], [tv], [gone]].map((pathSubstitutions) => ({
        type: 'mounted',
        pathSubstitutions,
      })),
    )
    expect([both?.state, codesOf(both)]).toEqual(['usable', ['HOST_SEES_NO_MEDIA']])
    expect([none?.state, codesOf(none)]).toEqual(['unusable', ['HOST_SEES_NO_MEDIA fatal']])
    expect([unknown?.state, codesOf(unknown)]).toEqual(['usable', ['SOURCE_MISSING']])
    expect(unknown?.media).toMatchObject([{ isSeen: undefined }])
  })

  test('asks nothing of the media where it is sent, and tells how fast the host was', async () => {
    const [report] = await examine([{ type: 'streaming' }], {
      paths: ['/not/there'],
      speeds: (cluster, host) => (`${cluster} ${host}` === 'home host0' ? 12e6 : undefined),
    })
    expect(report).toMatchObject({ state: 'usable', media: [], speedBytesPerSecond: 12e6, problems: [] })
  })

  test('lacks room: fatal where media is sent, a warning where it is mounted', async () => {
    const withRoom = (freeBytes: number) => (config: HostConfig) => createHere(config, freeBytes)
    const types = [{ type: 'streaming' }, { type: 'mounted' }, { type: 'local' }] as const
    expect((await examine(types, { createHost: withRoom(50e6) })).map(codesOf)).toEqual([['SPACE_LOW fatal'], ['SPACE_LOW'], []])
    expect((await examine(types, { createHost: withRoom(2e9) })).map(codesOf)).toEqual([['SPACE_LOW'], ['SPACE_LOW'], []])
  })

  test('warns of what nothing on a Windows host tells, and of media that it may not write', async () => {
    const windows = (config: HostConfig): Host => {
      const here = createHere(config)
      const open: Host['open'] = async (...args) => ({ ...(await here.open(...args)), os: 'windows', memoryBytes: undefined })
      const canWriteFile = async (path: string) => path.includes('tv')
      return { ...here, open, canWriteFile, readClock: async () => (config.name === 'host0' ? undefined : Date.now() / 1000 + 3600) }
    }
    const pathSubstitutions = ['films', 'tv'].map((name) => ({ from: join(folder, name), to: join(folder, name) }))
    const [mute, fast] = await examine([{ type: 'mounted', pathSubstitutions }, { type: 'streaming' }], { createHost: windows })
    expect(mute?.problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      `MEDIA_READ_ONLY: Host "host0" sees the media but cannot write to "${join(folder, 'films', 'a.mkv')}"`,
      'FACTS_MISSING: Host "host0" tells nothing of its memory and its clock: neither PowerShell nor wmic does that there',
    ])
    expect(fast?.problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'CLOCK_WRONG: The clock of host "host1" is 1h 00m ahead',
      'FACTS_MISSING: Host "host1" tells nothing of its memory: neither PowerShell nor wmic does that there',
    ])
  })

  test('keeps what it knows of a host that is lost on the way', async () => {
    const lose = (config: HostConfig): Host => ({
      ...createHere(config),
      run: () => Promise.reject(new EncodeError('HOST_LOST', 'It is gone', { hint: 'Look at it' })),
    })
    const [report] = await examine([{ type: 'streaming' }], { createHost: lose })
    expect(report).toMatchObject({ state: 'unusable', isLoggedIn: true, hasFfmpeg: true })
    expect(report?.problems).toEqual([{ code: 'HOST_LOST', isFatal: true, message: 'It is gone', cure: 'Look at it' }])
  })

  test('asks all hosts at once, tells each as soon as it is done, and reports in their order', async () => {
    let opened = 0
    const { promise: allOpened, resolve } = Promise.withResolvers<void>()
    const count = 20
    const meet = (config: HostConfig): Host => {
      const host = createHere(config)
      return {
        ...host,
        async open() {
          opened += 1
          if (opened === count) resolve()
          await allOpened
          throw new EncodeError('HOST_UNREACHABLE', 'It is off')
        },
      }
    }
    const told: string[] = []
    const reports = await examine(
      Array.from({ length: count }, () => ({})),
      { createHost: meet, onReport: ({ host }) => told.push(host) },
    )
    expect(reports.map(({ host }) => host)).toEqual(Array.from({ length: count }, (_, index) => `host${index}`))
    expect(told).toHaveLength(count)
    expect(findDeadClusters(['home', 'empty'], reports)).toEqual(['home', 'empty'])
  })

  test('ends with the reason of its signal', async () => {
    const controller = new AbortController()
    const interrupt = (config: HostConfig): Host => ({
      ...createHere(config),
      open: async (signal) => {
        controller.abort(new Error('enough'))
        signal?.throwIfAborted()
        throw new Error('never')
      },
    })
    await expect(examine([{}], { createHost: interrupt, signal: controller.signal })).rejects.toThrow('enough')
  })
})
