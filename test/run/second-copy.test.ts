import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createHost } from '../../src/host/create-host.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CHOICE = { cluster: 'home', choice: { profile: 'small', template: undefined, mixins: [] } }

let folder: RunFolder

beforeEach(async () => {
  folder = await makeRunFolder()
})

afterEach(() => folder[Symbol.asyncDispose]())

test('a job that would end last is done a second time by an idle host: told once, written down once, and nothing is left of the first', async () => {
  for (const name of ['a.mp4', 'b.mp4']) await folder.makeFilm(name, 20)
  await makeHosts()
  expect(await run(['a.mp4', 'b.mp4'])).toBe(0)
  const { file = '' } = folder.eventsOf('job.started').find(({ host }) => host === 'slow') ?? {}
  const isSlows = (event: { readonly file: string }): boolean => event.file === file
  expect(folder.eventsOf('job.started').filter(isSlows)).toMatchObject([
    { host: 'slow', attempt: 1 },
    { host: 'quick', attempt: 2, copy: true },
  ])
  expect(folder.eventsOf('job.done').filter(isSlows)).toMatchObject([{ host: 'quick' }])
  expect(folder.eventsOf('run.finished')).toMatchObject([{ done: 2, failed: 0 }])
  using ledger = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid, warner: process })
  expect(ledger.listJobs({}).find(({ source }) => source === file)).toMatchObject({ state: 'done', host: 'quick', attempt: 2 })
  expect(ledger.leftFiles()).toEqual([])
  expect((await readdir(folder.path)).filter((name) => name.includes('.m'))).toEqual(['a.mkv', 'b.mkv'])
  expect(await findProcesses()).toEqual([])
})

test('a host that has done nothing yet takes over the only job of a first run: it was quicker when its encoder was tried', async () => {
  await folder.makeFilm('a.mp4', 20)
  await makeHosts()
  expect(await run(['a.mp4'])).toBe(0)
  expect(folder.eventsOf('job.started')).toMatchObject([{ host: 'slow' }, { host: 'quick', copy: true }])
  expect(folder.eventsOf('job.done')).toMatchObject([{ host: 'quick' }])
  expect(await findProcesses()).toEqual([])
})

async function run(names: readonly string[]): Promise<number> {
  const slowHasJob = Promise.withResolvers<void>()
  const config = parseConfig(await readFile(folder.at('config.yml'), 'utf8'), folder.at('config.yml'), [])
  const targets = names.map((name) => ({ path: folder.at(name), queueFile: undefined, ...CHOICE }))
  const world = toRunWorld(
    folder.path,
    (event) => {
      folder.events.push(event)
      if (event.event === 'job.started' && event.host === 'slow') slowHasJob.resolve()
    },
    {
      createHost(own) {
        const host = createHost({ config: own, sshProgram: undefined, env: process.env, homeFolder: homedir() })
        if (own.name === 'slow') return host
        const open: typeof host.open = async (...args) => {
          const facts = await host.open(...args)
          await slowHasJob.promise
          return facts
        }
        return { ...host, open }
      },
    },
  )
  return await runEncode({ ...PLAIN_REQUEST, config, targets, queueTarget: CHOICE }, world)
}

/**
 * Two hosts of one machine; one of them takes ten times as long as the film plays, which no load of the machine brings the other near.
 * Its trial is as slow, of a third of the picture.
 */
async function makeHosts(): Promise<void> {
  const slow = 'case "$*" in *lavfi*) exec ffmpeg -readrate 0.1 -t 0.3 "$@" ;; *mpeg4*) exec ffmpeg -readrate 0.1 "$@" ;; esac\n'
  await writeFile(folder.at('slow-ffmpeg'), `#!/bin/sh\n${slow}exec ffmpeg "$@"\n`)
  await writeFile(folder.at('quick-ffmpeg'), '#!/bin/sh\nexec ffmpeg "$@"\n')
  for (const name of ['slow-ffmpeg', 'quick-ffmpeg']) await chmod(folder.at(name), 0o755)
  const hosts = ['slow', 'quick'].map(
    (name) => `      ${name}: {type: local, ffmpeg: ${folder.at(`${name}-ffmpeg`)}, working_dir: ${folder.path}}\n`,
  )
  const profile = '  small: {output_options: ["-c:v mpeg4", "-b:v 50k", "-an"], extension: .mkv}\n'
  await writeFile(folder.at('config.yml'), `config:\n  clusters:\n    home:\n${hosts.join('')}profiles:\n${profile}`)
}

async function findProcesses(): Promise<readonly string[]> {
  const lines = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter((line) => line.includes(folder.path))
}
