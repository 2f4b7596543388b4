import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, hostname } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { createHost } from '../../src/host/create-host.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { HostConfig } from '../../src/model/config.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CHOICE = { cluster: 'home', choice: { profile: 'quick', template: undefined, mixins: [] } }

let folder: RunFolder
let quickMayCome: PromiseWithResolvers<void>

beforeEach(async () => {
  folder = await makeRunFolder()
})

afterEach(() => folder[Symbol.asyncDispose]())

test('a run knows which host was the quicker one in the run before', async () => {
  await folder.makeFilm('a.mp4')
  for (const name of ['b.mp4', 'c.mp4', 'd.mp4']) await copyFile(folder.at('a.mp4'), folder.at(name))
  await makeHosts()
  expect(await run(['a.mp4', 'b.mp4'], SIDE_BY_SIDE)).toEqual({ 'a.mp4': 'slow', 'b.mp4': 'quick' })
  // One at a time and as listed: by the second job both are up, and only the run before can tell of the quick one.
  expect(await run(['c.mp4', 'd.mp4'], ONE_BY_ONE)).toEqual({ 'c.mp4': 'slow', 'd.mp4': 'quick' })
})

test('a long job is left for a host that was quick lately, though it comes up after the slow one', async () => {
  await folder.makeFilm('a.mp4')
  await makeHosts()
  rememberSpeeds({ slow: 64 * 64 * 0.01, quick: 64 * 64 })
  expect(await run(['a.mp4'], COMES_LATE)).toEqual({ 'a.mp4': 'quick' })
  expect(folder.events.filter(({ event }) => event === 'host.up')).toMatchObject([{ host: 'slow' }, { host: 'quick' }])
})

interface Course {
  /** The quick host comes up after this event of the slow one. */
  readonly comesAfter: 'job.started' | 'host.up'
  /** The slow one ends nothing before this event of the quick one. */
  readonly until: 'host.up' | 'job.done'
  readonly isSequential: boolean
  readonly clock?: Clock
}

/** Its seconds are long: on a busy machine, too, hosts come up within the few that they are waited for. */
const SLOW_CLOCK: Clock = { now: () => Math.floor(systemClock.now() / 20), sleep: (ms, signal) => systemClock.sleep(ms * 20, signal) }

const SIDE_BY_SIDE: Course = { comesAfter: 'job.started', until: 'job.done', isSequential: false }
const ONE_BY_ONE: Course = { comesAfter: 'job.started', until: 'host.up', isSequential: true }
const COMES_LATE: Course = { comesAfter: 'host.up', until: 'host.up', isSequential: false, clock: SLOW_CLOCK }

/** Which host began each film. */
async function run(
  names: readonly string[],
  { comesAfter, until, isSequential, clock = systemClock }: Course,
): Promise<Record<string, string>> {
  folder.events.length = 0
  quickMayCome = Promise.withResolvers()
  await rm(folder.at('gate'), { force: true })
  const config = parseConfig(await readFile(folder.at('config.yml'), 'utf8'), folder.at('config.yml'), [])
  const targets = names.map((name) => ({ path: folder.at(name), queueFile: undefined, ...CHOICE }))
  const gates: Promise<void>[] = []
  const take = (event: EncodeEvent) => {
    folder.events.push(event)
    if ((event.event === 'job.started' || event.event === 'host.up') && event.event === comesAfter && event.host === 'slow') {
      quickMayCome.resolve()
    }
    if (event.event === until && event.host === 'quick') gates.push(writeFile(folder.at('gate'), ''))
  }
  const status = await runEncode(
    {
      ...PLAIN_REQUEST,
      config,
      targets,
      queueTarget: CHOICE,
      outputFolder: folder.at('out'),
      keepsSource: true,
      isSequential,
    },
    toRunWorld(folder.path, take, { createHost: openInTurn, clock }),
  )
  await Promise.all(gates)
  expect({ status, failed: folder.events.filter(({ event }) => event === 'job.failed') }).toEqual({ status: 0, failed: [] })
  return Object.fromEntries(
    folder.events.flatMap((event) =>
      event.event === 'job.started' && event.copy === undefined ? [[event.file.slice(folder.path.length + 1), event.host]] : [],
    ),
  )
}

function openInTurn(config: HostConfig) {
  const host = createHost({ config, sshProgram: undefined, env: process.env, homeFolder: homedir() })
  if (config.name === 'slow') return host
  const openLate = async (...args: Parameters<typeof host.open>) => {
    const facts = await host.open(...args)
    await quickMayCome.promise
    return facts
  }
  return new Proxy(host, {
    get(target, key) {
      if (key === 'open') return openLate
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** As if a run had learned them, in work a second. */
function rememberSpeeds(speeds: Readonly<Record<string, number>>): void {
  using ledger = openLedger({ folder: folder.at('state'), clock: SLOW_CLOCK, pid: process.pid })
  for (const [name, workPerSecond] of Object.entries(speeds)) {
    const place = { host: `this machine (${hostname()})`, ffmpegPath: folder.at(`${name}-ffmpeg`), ffmpegVersion: 'of yesterday' }
    ledger.rememberSpeed(place, { speed: { profile: 'quick', sizeClass: 'sd', workPerSecond }, linkBytesPerSecond: undefined })
  }
}

/** Two hosts of one machine, each with an ffmpeg of its own. */
async function makeHosts(): Promise<void> {
  const wait = `case "$*" in *.mp4*mpeg4*) while [ ! -e '${folder.at('gate')}' ]; do sleep 0.02; done; sleep 0.2 ;; esac\n`
  await writeFile(folder.at('slow-ffmpeg'), `#!/bin/sh\n${wait}exec ffmpeg "$@"\n`)
  await writeFile(folder.at('quick-ffmpeg'), '#!/bin/sh\nexec ffmpeg "$@"\n')
  for (const name of ['slow-ffmpeg', 'quick-ffmpeg']) await chmod(folder.at(name), 0o755)
  const hosts = ['slow', 'quick'].map(
    (name) => `      ${name}: {type: local, ffmpeg: ${folder.at(`${name}-ffmpeg`)}, working_dir: ${folder.path}}\n`,
  )
  const profile = '  quick: {output_options: ["-c:v mpeg4", "-b:v 50k", "-an"], extension: .mkv}\n'
  await writeFile(folder.at('config.yml'), `config:\n  clusters:\n    home:\n${hosts.join('')}profiles:\n${profile}`)
}
