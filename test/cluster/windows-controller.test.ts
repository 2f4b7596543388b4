import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STAY_AWAKE_COMMAND } from '../../src/host/local/stay-awake.ts'
import { startWindowsServer, type WindowsServer } from '../host/windows/windows-server.ts'
import { findProcesses } from '../host/windows/wine-processes.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { waitUntil } from '../wait-until.ts'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { runEncode, runPlain, startEncode } from './encode-program.ts'
import { expectNoneLeft } from './expect-none-left.ts'
import { canStartHosts, type SshdHost } from './sshd-host.ts'
import { lacksWindowsController, startWindowsController, toDriveZ, type WindowsController } from './windows-controller.ts'

const why = lacksWindowsController ?? (canStartHosts ? undefined : 'no hosts can be started here')

/** Windows is emulated: the real Node for Windows, with ffmpeg and ffprobe for Windows, under wine. */
describe.runIf(why === undefined)(`encode as a Windows program${why === undefined ? '' : ` (SKIPPED: ${why})`}`, () => {
  let bench: Bench
  let controller: WindowsController
  let linux: SshdHost
  let gaming: WindowsServer

  beforeAll(async () => {
    bench = await createBench()
    controller = await startWindowsController()
    linux = await bench.startHost('linux', 'streaming')
    gaming = await startWindowsServer({ wine: controller.wine, hasPowerShell: true })
  }, SET_UP_MS)

  afterAll(async () => {
    await gaming?.[Symbol.asyncDispose]()
    await controller?.[Symbol.asyncDispose]()
    await bench?.[Symbol.asyncDispose]()
  })

  test('encodes on itself, on a Linux host and on a Windows host, and results replace their sources, with their times', async () => {
    const names = ['a b & ü 100% !x^.mp4', "it's (%PATH%) = ;,.mp4", 'third.mp4']
    const films = await makeFilms('all', names)
    const on = (cluster: string, glob: string) => ['-c', cluster, '-p', 'quick', `${films.there}\\${glob}`]
    const args = ['-y', await writeConfig(), ...on('own', 'a*.mp4'), ...on('unix', 'it*.mp4'), ...on('windows', '*d.mp4')]
    const ended = await runEncode('', args, controller.options)
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    const done = ended.events.filter(({ event }) => event === 'job.done')
    expect(done.map((event) => ('host' in event ? event.host : '')).sort()).toEqual(['gaming', 'here', 'linux'])
    expect(await readdir(films.here)).toEqual(names.map((name) => name.replace('.mp4', '.mkv')))
    for (const name of await readdir(films.here)) {
      expect(await describeFilm(join(films.here, name))).toMatchObject({ codecs: 'h264 aac' })
      expect((await stat(join(films.here, name))).mtime).toEqual(FILMED)
    }
    expect((await readdir(join(controller.localFolder, 'state', 'encode'))).sort()).toEqual(['ledger.sqlite', 'probes.sqlite'])
    await expectNothingLeft()
  })

  test('on Ctrl-C ends what runs here and there, and the queue file keeps its lines until they are done', async () => {
    const films = await makeFilms('queued', ['first ü.mp4', 'second.mp4'], 20)
    const queue = join(controller.localFolder, 'queue.txt')
    await writeFile(queue, `${films.there}\\first ü.mp4\r\n${films.there}\\second.mp4\r\n`)
    const args = ['-y', await writeConfig(), '-c', 'both', '--strategy', 'round-robin', '--from-file', `${controller.folder}\\queue.txt`]
    const run = startEncode('', [...args, '-p', 'slow'], controller.options)
    for (const host of ['here', 'linux']) {
      await run.until('job.progress', (event) => event.host === host && event.stage === 'encode' && (event.size_bytes ?? 0) > 0)
    }
    expect(await findProcesses(STAY_AWAKE)).toHaveLength(1)
    const quietMs = startQuietClock()
    run.child.stdin?.write('c')
    expect((await run.ended).status).toBe(130)
    expect(quietMs()).toBeLessThan(5000)
    await expectNothingLeft()
    expect((await readFile(queue, 'utf8')).trim().split('\r\n')).toHaveLength(2)

    const again = await runEncode('', [...args, '-p', 'quick'], controller.options)
    expect(again.status).toBe(0)
    expect((await readFile(queue, 'utf8')).trim()).toBe('')
    expect(await readdir(films.here)).toEqual(['first ü.mkv', 'second.mkv'])
  })

  test('leaves no ffmpeg behind when it is killed, and goes on with "encode resume"', async () => {
    const films = await makeFilms('killed', ['a film.mp4'], 12)
    const run = startEncode('', ['-y', await writeConfig(), '-c', 'own', '-p', 'slow', films.there], controller.options)
    await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
    for (const { pid, args } of await controller.processes()) if (/node\.exe/.test(args)) process.kill(pid, 'SIGKILL')
    await run.ended
    await waitUntil(async () => (await controller.processes()).length === 0, { what: 'ffmpeg is gone' })
    expect(await readdir(films.here)).toEqual([expect.stringMatching(/^\.encode-/), 'a film.mp4'])

    const resumed = await runEncode('', ['resume', '-y', await writeConfig('quick')], controller.options)
    expect(resumed.status).toBe(0)
    expect(await readdir(films.here)).toEqual(['a film.mkv'])
    await expectNothingLeft()
  })

  test('by bin\\encode.cmd says what a machine without ffprobe lacks', async () => {
    const films = await makeFilms('unprobed', ['(50) & more ü.mp4'])
    const { status, stderr } = await runPlain(
      '',
      ['-y', await writeConfig(), '-c', 'own', '-p', 'quick', `${films.there}\\(50) & more ü.mp4`],
      controller.bareOptions,
    )
    expect(stderr).toContain('There is no "ffprobe" on this machine')
    expect(status).toBe(2)
    expect(await readdir(films.here)).toEqual(['(50) & more ü.mp4'])
  })

  interface Films {
    readonly here: string
    /** As the controller knows it. */
    readonly there: string
  }

  async function makeFilms(folder: string, names: readonly string[], seconds = 2): Promise<Films> {
    const here = join(controller.localFolder, folder)
    await mkdir(here)
    const film = await bench.makeFilm('film.mp4', { seconds })
    for (const name of names) {
      await writeFile(join(here, name), await readFile(film))
      await utimes(join(here, name), FILMED, FILMED)
    }
    return { here, there: `${controller.folder}\\${folder}` }
  }

  /** @param slow what "slow" includes, and does as fast as it can. */
  async function writeConfig(slow?: 'quick'): Promise<string> {
    const { address, workingFolder } = linux
    const lines = [
      'config:',
      // Each host takes one film.
      '  prefetch: 0',
      '  clusters:',
      '    own:',
      `      here: &here {type: local, working_dir: '${controller.folder}\\work'}`,
      '    both:',
      '      here: *here',
      `      linux: &linux {type: streaming, address: ${address}, ${toAccess(linux)}, working_dir: ${workingFolder}}`,
      '    unix:',
      '      linux: *linux',
      '    windows:',
      `      gaming: {type: streaming, address: 127.0.0.1, ${toAccess(gaming)}, working_dir: '${gaming.folder}\\work'}`,
      PROFILES,
    ]
    await writeFile(
      join(controller.localFolder, 'config.yml'),
      `${lines.join('\n')}${slow === undefined ? '\n    input_options: ["-re"]' : ''}\n`,
    )
    return `${controller.folder}\\config.yml`
  }

  function toAccess({ port, user, identityFile, knownHostsFile }: SshdHost | WindowsServer): string {
    return `port: ${port}, user: ${user}, identity_file: '${toDriveZ(identityFile)}', known_hosts: '${toDriveZ(knownHostsFile)}'`
  }

  async function expectNothingLeft(): Promise<void> {
    await expectNoneLeft(async () => {
      const own = [...(await controller.processes()), ...(await linux.processes())].map(({ args }) => args)
      const running = [...own, ...(await gaming.processes()), ...(await findProcesses(STAY_AWAKE)).map(({ args }) => args)]
      const files = [
        ...(await readdir(linux.workingFolder)),
        ...(await readdir(gaming.localFolder, { recursive: true })),
        ...(await readdir(controller.localFolder, { recursive: true })),
      ]
      return [...running, ...files.filter((name) => /(?:^|\/)\.?encode-/.test(name))]
    })
  }
})

/** The first time a Windows is made for it. */
const SET_UP_MS = 400_000

/** What keeps the controller awake is known by it. */
const STAY_AWAKE = STAY_AWAKE_COMMAND.split(' ').at(-1) ?? ''

const FILMED = new Date('2020-01-02T03:04:05Z')

const PROFILES = `
profiles:
  quick:
    output_options_video: ["-c:v libx264", "-preset ultrafast", "-crf 36"]
    output_options_audio: ["-c:a aac", "-b:a 64k"]
    extension: .mkv
  slow:
    include: quick`
