import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { untilAborted } from '../../src/core/until-aborted.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent } from '../../src/model/events.ts'
import { createFfprobe, type Ffprobe } from '../../src/plan/ffprobe.ts'
import { resumeRun } from '../../src/run/resume-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import { Interruption, type RunWorld } from '../../src/run/run-request.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

/** Two of the forty are to be encoded: the first and the last. */
const CONFIG = parseConfig(
  `config: {queues: {_default: 2}}
profiles: {quick: {output_options: ["-c:v libx264", "-preset ultrafast", "-crf 40", "-an"], extension: .mkv}}
rules:
  few: {profile: quick, criteria: {path: "(01|40|one)[.]mp4$"}}
  others: {profile: SKIP, criteria: {path: ".*"}}
`,
  'test.yml',
  [],
)
const COUNT = 40
const FIRST = 12

let samples: RunFolder
let folder: RunFolder
let interrupting: AbortController
let draining: AbortController
/** Files behind the first ones are looked into when it is resolved. */
let gate: PromiseWithResolvers<void>
let probed: string[]

beforeAll(async () => {
  samples = await makeRunFolder()
  await samples.makeFilm('film.mp4')
})

afterAll(() => samples[Symbol.asyncDispose]())

beforeEach(async () => {
  folder = await makeRunFolder()
  probed = []
  interrupting = new AbortController()
  draining = new AbortController()
  gate = Promise.withResolvers()
  const sample = samples.at('film.mp4')
  await mkdir(folder.at('films'))
  for (let number = 1; number <= COUNT; number += 1) await copyFile(sample, folder.at(`films/${String(number).padStart(2, '0')}.mp4`))
  await copyFile(sample, folder.at('one.mp4'))
  await writeFile(folder.at('queue'), `${folder.at('films')}\n${folder.at('one.mp4')}\n`)
})

afterEach(() => folder[Symbol.asyncDispose]())

test('the first job is started, and even done, before the last file was looked into; a line goes when all it names is done', async () => {
  let linesAtFirstDone: string | undefined
  let probedAtFirstDone = COUNT
  const exit = await run(async ({ event }) => {
    if (event !== 'job.done' || linesAtFirstDone !== undefined) return
    probedAtFirstDone = probed.length
    linesAtFirstDone = await readFile(folder.at('queue'), 'utf8')
    gate.resolve()
  })
  expect(exit).toBe(0)
  expect(probedAtFirstDone).toBeLessThan(COUNT)
  expect(linesAtFirstDone).toContain(`${folder.at('films')}\n`)
  expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
  expect(folder.eventsOf('run.started')).toMatchObject([{ files: COUNT + 1 }])
  expect(folder.eventsOf('run.finished')).toMatchObject([{ done: 3, skipped: COUNT - 2, failed: 0, exit: 0 }])
  expect(new Set(folder.eventsOf('job.queued').map(({ job }) => job)).size).toBe(3)
  expect(new Set([...folder.eventsOf('job.queued'), ...folder.eventsOf('job.skipped')].map(({ file }) => file)).size).toBe(COUNT + 1)
  expect((await readdir(folder.at('films'))).filter((name) => name.endsWith('.mkv')).sort()).toEqual(['01.mkv', '40.mkv'])
})

test('a run that is drained meanwhile queues what it was asked for all the same, and resume does it', async () => {
  await run(({ event }) => {
    if (event !== 'job.started') return
    draining.abort()
    gate.resolve()
  })
  const left = 3 - folder.eventsOf('job.done').length
  expect(left).toBeGreaterThanOrEqual(1)
  expect(folder.eventsOf('run.finished')).toMatchObject([{ failed: 0, left, exit: 0 }])
  draining = new AbortController()
  const { strategy, config, argv } = REQUEST
  expect(
    await resumeRun(
      { config, onlyHosts: [], isSequential: false, strategy, argv },
      toWorld(() => {}),
    ),
  ).toBe(0)
  expect(folder.eventsOf('job.done')).toHaveLength(3)
})

test('a run that is interrupted meanwhile ends at once and leaves nothing', async () => {
  const exit = await run(({ event }) => {
    if (event === 'job.started') interrupting.abort(new Interruption('SIGINT'))
  })
  expect(exit).toBe(130)
  expect(probed.length).toBeLessThan(COUNT)
  expect((await readdir(folder.at('films'))).filter((name) => name.startsWith('.'))).toEqual([])
  using ledger = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid, warner: process })
  expect(ledger.listJobs({}).filter(({ state }) => state !== 'interrupted' && state !== 'done')).toEqual([])
  expect(ledger.livingRuns()).toEqual([])
})

test('a run that starts no job waits for nothing more when it is over', async () => {
  let waits = 0
  const clock = {
    ...systemClock,
    async sleep(ms: number, signal?: AbortSignal) {
      waits += 1
      await systemClock.sleep(ms, signal).finally(() => {
        waits -= 1
      })
    },
  }
  await writeFile(folder.at('text.mp4'), 'No film')
  await writeFile(folder.at('queue'), `${folder.at('text.mp4')}\n`)
  gate.resolve()
  expect(await runEncode({ ...REQUEST, queueFile: folder.at('queue') }, { ...toWorld(() => {}), clock })).toBe(1)
  await nextTurn()
  expect(waits).toBe(0)
})

const REQUEST = { ...PLAIN_REQUEST, config: CONFIG }

async function run(onEvent: (event: EncodeEvent) => void): Promise<number> {
  return await runEncode({ ...REQUEST, queueFile: folder.at('queue') }, toWorld(onEvent))
}

function toWorld(onEvent: (event: EncodeEvent) => void): RunWorld {
  const real = createFfprobe('ffprobe')
  const ffprobe: Ffprobe = {
    ...real,
    async probe(path, signal) {
      const isFirst = path.startsWith(folder.at('films/0')) || path.endsWith(`/${FIRST}.mp4`)
      if (!isFirst) await untilAborted(gate.promise, signal)
      probed.push(path)
      return await real.probe(path, signal)
    },
  }
  const take = (event: EncodeEvent) => {
    folder.events.push(event)
    onEvent(event)
  }
  return toRunWorld(folder.path, take, { ffprobe, signal: interrupting.signal, draining: draining.signal })
}
