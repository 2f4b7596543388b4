import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { describeFilm } from '../cluster/bench.ts'
import { type EncodeRun, startEncode } from '../cluster/encode-program.ts'
import { makeSampleClips } from '../cluster/sample-clips.ts'
import { waitUntil } from '../wait-until.ts'
import { buildImage, type ContainerHost, type ContainerHostOptions, startContainerHost } from './container-host.ts'
import { hasDocker } from './find-docker.ts'

const NAMES = ['a film.mp4', "it's another.mp4", '$(third).mp4']
const SECONDS = 4

describe.skipIf(!hasDocker)('a container in trouble costs only the work under way', () => {
  let clips: string
  let folder: string
  let films: string
  let box: ContainerHost
  let started: ContainerHost[]

  beforeAll(async () => {
    clips = await mkdtemp(join(tmpdir(), 'encode-clips-'))
    await makeSampleClips(
      clips,
      NAMES.map((name) => ({ name, seconds: SECONDS })),
    )
    await buildImage()
  })

  afterAll(() => rm(clips, { recursive: true, force: true }))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-containers-'))
    films = join(folder, 'films')
    started = []
    await mkdir(films)
    for (const name of NAMES) await copyFile(join(clips, name), join(films, name))
    box = await start('box')
  })

  afterEach(async () => {
    await Promise.all(started.map((host) => host[Symbol.asyncDispose]()))
    await rm(folder, { recursive: true, force: true })
  })

  test('paused: it is given up after 15 s, and has nothing left when it moves again', async () => {
    const crate = await start('crate')
    const run = await encodeUntilBothWork([box, crate])
    await crate.pause()
    await expectAllDone(run)
    await crate.unpause()
    await expectNothingLeft(box, crate)
  })

  test('its network goes and comes back: it joins in again', async () => {
    const crate = await start('crate')
    const run = await encodeUntilBothWork([box, crate])
    await crate.disconnect()
    await run.until('host.down', ({ host }) => host === 'crate')
    await crate.reconnect()
    await expectAllDone(run)
    await expectNothingLeft(box, crate)
  })

  test('its sshd is restarted in the middle of a job: it joins in again', async () => {
    const crate = await start('crate')
    const run = await encodeUntilBothWork([box, crate])
    await crate.exec('sh', '-c', 'kill -HUP 1; pkill -KILL -f "^sshd: root"')
    await run.until('host.down', ({ host }) => host === 'crate')
    await expectAllDone(run)
    expect(run.events.filter((event) => event.event === 'host.up' && event.host === 'crate').length).toBe(2)
    await expectNothingLeft(box, crate)
  })

  test('its host key changes between two jobs: it is refused, and that is said', async () => {
    const crate = await start('crate')
    const key = '/etc/ssh/ssh_host_ed25519_key'
    await crate.exec('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', `${key}.new`)
    const run = await encodeUntilBothWork([box, crate])
    await crate.exec('sh', '-c', `mv ${key}.new ${key}; mv ${key}.new.pub ${key}.pub; kill -HUP 1; pkill -KILL -f "^sshd: root"`)
    await run.until('host.down', ({ host, reason }) => host === 'crate' && /host key/i.test(reason))
    await expectAllDone(run)
    await expectNothingLeft(box)
  })

  test('a disk that is too small for any of the films, and a mount that cannot be written to', async () => {
    const [crate, barrel] = await Promise.all([start('crate', { workDiskBytes: 100_000 }), start('barrel', { readOnlyMount: films })])
    const run = await encode([box, crate, barrel], { barrel: 'mounted' })
    await expectAllDone(run)
    expect(run.events.filter((event) => event.event === 'job.done').map((event) => event.host)).toEqual(['box', 'box', 'box'])
    await expectNothingLeft(box, crate, barrel)
  })

  async function start(name: string, options: ContainerHostOptions = {}): Promise<ContainerHost> {
    const host = await startContainerHost(name, options)
    started.push(host)
    return host
  }

  async function encode(hosts: readonly ContainerHost[], types: Readonly<Record<string, string>> = {}): Promise<EncodeRun> {
    const config = join(folder, 'config.yml')
    const sections = hosts.map(
      ({ name, address, port, identityFile, knownHostsFile }) => `
      ${name}:
        type: ${types[name] ?? 'streaming'}
        address: ${address}
        port: ${port}
        user: root
        identity_file: ${identityFile}
        known_hosts: ${knownHostsFile}
        working_dir: /var/tmp/encode`,
    )
    await writeFile(
      config,
      `config:
  clusters:
    boxes:${sections.join('')}
profiles:
  slow:
    input_options: ["-re"]
    output_options: ["-c:v libx264", "-preset ultrafast", "-crf 36", "-c:a aac"]
    extension: .mkv
`,
    )
    return startEncode(folder, ['-y', config, '-c', 'boxes', '-p', 'slow', films])
  }

  async function encodeUntilBothWork(hosts: readonly ContainerHost[]): Promise<EncodeRun> {
    const run = await encode(hosts)
    for (const { name } of hosts)
      await run.until('job.progress', ({ host, stage, percent }) => host === name && stage === 'encode' && (percent ?? 0) > 0)
    return run
  }

  async function expectAllDone(run: EncodeRun): Promise<void> {
    const { status, events, stderr } = await run.ended
    expect(events.at(-1), stderr).toMatchObject({ event: 'run.finished', done: NAMES.length, failed: 0, exit: 0 })
    expect(status).toBe(0)
    expect((await readdir(films)).sort()).toEqual(NAMES.map((name) => name.replace('.mp4', '.mkv')).sort())
    for (const name of await readdir(films)) {
      const { codecs, seconds } = await describeFilm(join(films, name))
      expect(codecs).toBe('h264 aac')
      expect(seconds).toBeCloseTo(SECONDS, 0)
    }
  }

  async function expectNothingLeft(...hosts: readonly ContainerHost[]): Promise<void> {
    for (const host of hosts) {
      let left: readonly string[] = []
      await waitUntil(
        async () => {
          const files = (await host.exec('find', '/var/tmp/encode', '-mindepth', '1')).split('\n').filter((line) => line !== '')
          left = [...(await host.encoders()), ...files]
          return left.length === 0
        },
        { what: 'nothing is left', timeoutMs: 40_000, everyMs: 200 },
      ).catch(() => {})
      expect(left, host.name).toEqual([])
    }
  }
})
