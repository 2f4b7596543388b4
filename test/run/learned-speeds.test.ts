import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { createHost } from '../../src/host/create-host.ts'
import type { HostConfig } from '../../src/model/config.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CHOICE = { cluster: 'home', choice: { profile: 'quick', template: undefined, mixins: [] } }

let folder: string
let slowHasJob: PromiseWithResolvers<void>
let events: EncodeEvent[]

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-speeds-')))
})

afterEach(() => rm(folder, { recursive: true }))

test('a run knows which host was the quicker one in the run before', async () => {
  await makeFilm('a.mp4')
  for (const name of ['b.mp4', 'c.mp4', 'd.mp4']) await copyFile(at('a.mp4'), at(name))
  await makeHosts()
  expect(await run(['a.mp4', 'b.mp4'], 'job.done')).toEqual({ 'a.mp4': 'slow', 'b.mp4': 'quick' })
  // One at a time and as listed: by the second job both are up, and only the run before can tell of the quick one.
  expect(await run(['c.mp4', 'd.mp4'], 'host.up')).toEqual({ 'c.mp4': 'slow', 'd.mp4': 'quick' })
})

/** Which host began each film. The slow one is first to get one, and ends nothing before the quick one has come to this event. */
async function run(names: readonly string[], until: 'host.up' | 'job.done'): Promise<Record<string, string>> {
  events = []
  slowHasJob = Promise.withResolvers()
  await rm(at('gate'), { force: true })
  const config = parseConfig(await readFile(at('config.yml'), 'utf8'), at('config.yml'), [])
  const targets = names.map((name) => ({ path: at(name), queueFile: undefined, ...CHOICE }))
  const gates: Promise<void>[] = []
  const take = (event: EncodeEvent) => {
    events.push(event)
    if (event.event === 'job.started' && event.host === 'slow') slowHasJob.resolve()
    if (event.event === until && event.host === 'quick') gates.push(writeFile(at('gate'), ''))
  }
  const status = await runEncode(
    {
      ...PLAIN_REQUEST,
      config,
      targets,
      queueTarget: CHOICE,
      outputFolder: at('out'),
      keepsSource: true,
      isSequential: until === 'host.up',
    },
    toRunWorld(folder, take, { createHost: openInTurn }),
  )
  await Promise.all(gates)
  expect({ status, failed: events.filter(({ event }) => event === 'job.failed') }).toEqual({ status: 0, failed: [] })
  return Object.fromEntries(
    events.flatMap((event) =>
      event.event === 'job.started' && event.copy === undefined ? [[event.file.slice(folder.length + 1), event.host]] : [],
    ),
  )
}

function openInTurn(config: HostConfig) {
  const host = createHost({ config, sshProgram: undefined, env: process.env, homeFolder: homedir() })
  if (config.name === 'slow') return host
  const openLate = async (...args: Parameters<typeof host.open>) => {
    const facts = await host.open(...args)
    await slowHasJob.promise
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

/** Two hosts of one machine, each with an ffmpeg of its own. */
async function makeHosts(): Promise<void> {
  const wait = `case "$*" in *.mp4*mpeg4*) while [ ! -e '${at('gate')}' ]; do sleep 0.02; done; sleep 0.2 ;; esac\n`
  await writeFile(at('slow-ffmpeg'), `#!/bin/sh\n${wait}exec ffmpeg "$@"\n`)
  await writeFile(at('quick-ffmpeg'), '#!/bin/sh\nexec ffmpeg "$@"\n')
  for (const name of ['slow-ffmpeg', 'quick-ffmpeg']) await chmod(at(name), 0o755)
  const hosts = ['slow', 'quick'].map((name) => `      ${name}: {type: local, ffmpeg: ${at(`${name}-ffmpeg`)}, working_dir: ${folder}}\n`)
  const profile = '  quick: {output_options: ["-c:v mpeg4", "-b:v 50k", "-an"], extension: .mkv}\n'
  await writeFile(at('config.yml'), `config:\n  clusters:\n    home:\n${hosts.join('')}profiles:\n${profile}`)
}

async function makeFilm(name: string): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=10:duration=1,noise=alls=20:allf=t']
  await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', ...source, '-c:v', 'libx264', '-crf', '5', `file:${at(name)}`])
}

function at(name: string): string {
  return join(folder, name)
}
