import { copyFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeSampleClips } from '../cluster/sample-clips.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { waitUntil } from '../wait-until.ts'
import { buildImage, type ContainerHost, startContainerHost } from './container-host.ts'
import { hasDocker } from './find-docker.ts'

const ENCODE = join(import.meta.dirname, '../../bin/encode')
const NAMES = ['a film.mp4', "it's another.mp4"]

interface Event {
  readonly event: string
  readonly [field: string]: unknown
}

describe.skipIf(!hasDocker)('encode on containers', () => {
  let clips: string
  let folder: string
  let box: ContainerHost
  let crate: ContainerHost

  beforeAll(async () => {
    clips = await mkdtemp(join(tmpdir(), 'encode-clips-'))
    await makeSampleClips(
      clips,
      NAMES.map((name) => ({ name, seconds: 6 })),
    )
    await buildImage()
  })

  afterAll(() => rm(clips, { recursive: true, force: true }))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encode-containers-'))
    for (const name of NAMES) await copyFile(join(clips, name), join(folder, name))
    ;[box, crate] = await Promise.all([startContainerHost('box'), startContainerHost('crate')])
  })

  afterEach(async () => {
    await Promise.all([box[Symbol.asyncDispose](), crate[Symbol.asyncDispose]()])
    await rm(folder, { recursive: true, force: true })
  })

  test('a container answers SSH by key and has ffmpeg', async () => {
    const options = ['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${box.knownHostsFile}`, '-i', box.identityFile]
    const { stdout } = await execa('ssh', [...options, '-p', String(box.port), `root@${box.address}`, 'ffmpeg', '-version'])
    expect(stdout).toMatch(/^ffmpeg version \S+/)
  })

  test('a folder of files is encoded on both, each result is whole, and nothing is left on either', async () => {
    const { exitCode, events } = await encode('medium')
    expect(events.at(-1)).toMatchObject({ event: 'run.finished', done: 2, failed: 0, exit: 0 })
    expect(exitCode).toBe(0)
    const done = events.filter(({ event }) => event === 'job.done')
    expect(new Set(done.map(({ host }) => host))).toEqual(new Set(['box', 'crate']))
    expect((await mediaFiles()).sort()).toEqual(['a film.mkv', "it's another.mkv"])
    for (const { output, output_bytes, source_bytes } of done) {
      expect((await stat(String(output))).size).toBe(output_bytes)
      expect(Number(output_bytes)).toBeLessThan(Number(source_bytes))
      expect(await durationSeconds(String(output))).toBeCloseTo(6, 0)
    }
    for (const host of [box, crate]) await expectNothingLeft(host)
  })

  test('Ctrl-C ends the encoders there within three seconds and leaves every source as it was', async () => {
    const { run } = await startEncode('placebo')
    await waitUntil(async () => (await box.encoders()).length + (await crate.encoders()).length === 2, {
      what: 'both containers encode',
      timeoutMs: 30_000,
    })
    const quietMs = startQuietClock()
    run.kill('SIGINT')
    const { exitCode } = await run
    expect(quietMs()).toBeLessThan(3000)
    expect(exitCode).toBe(130)
    expect((await mediaFiles()).sort()).toEqual(NAMES)
    for (const host of [box, crate]) await expectNothingLeft(host)
  })

  test('a machine that dies takes no file with it: the other one does its job', async () => {
    const { run } = await startEncode('slow')
    await waitUntil(async () => (await crate.encoders()).length === 1, { what: 'the container encodes', timeoutMs: 30_000 })
    await crate.kill()
    const { exitCode, stdout } = await run
    expect(parseEvents(stdout).at(-1)).toMatchObject({ event: 'run.finished', done: 2, failed: 0 })
    expect(exitCode).toBe(0)
    expect((await mediaFiles()).sort()).toEqual(['a film.mkv', "it's another.mkv"])
    await expectNothingLeft(box)
  })

  async function encode(preset: string): Promise<{ readonly exitCode: number | undefined; readonly events: readonly Event[] }> {
    const { exitCode, stdout } = await (await startEncode(preset)).run
    return { exitCode, events: parseEvents(stdout) }
  }

  /** In an object, because a promise of the process itself would wait for its end. */
  async function startEncode(preset: string) {
    const config = join(folder, 'cluster.yml')
    await writeFile(config, configText(preset))
    const args = ['-y', config, '-c', 'boxes', '--json', ...NAMES]
    return { run: execa(ENCODE, args, { cwd: folder, env: { XDG_STATE_HOME: join(folder, '.state') }, reject: false }) }
  }

  function configText(preset: string): string {
    const host = ({ name, address, port, identityFile, knownHostsFile }: ContainerHost): string => `
      ${name}:
        type: streaming
        ip: ${address}
        port: ${port}
        user: root
        identity_file: ${identityFile}
        known_hosts: ${knownHostsFile}
        working_dir: /var/tmp/encode`
    return `config:
  clusters:
    boxes:${host(box)}${host(crate)}
profiles:
  small:
    output_options: ["-c:v libx264", "-preset ${preset}", "-crf 32", "-c:a aac"]
    extension: .mkv
rules:
  all:
    profile: small
`
  }

  async function mediaFiles(): Promise<string[]> {
    return (await readdir(folder)).filter((name) => /\.(mp4|mkv)/.test(name))
  }

  async function expectNothingLeft(host: ContainerHost): Promise<void> {
    await waitUntil(async () => (await host.encoders()).length === 0, { what: `no encoder runs on ${host.name}`, timeoutMs: 3000 })
    expect(await host.exec('find', '/var/tmp/encode', '-type', 'f')).toBe('')
  }
})

function parseEvents(stdout: string): readonly Event[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event)
}

async function durationSeconds(file: string): Promise<number> {
  const { stdout } = await execa('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file])
  return Number(stdout)
}
