import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent, EventName } from '../../src/model/events.ts'
import { resumeRun } from '../../src/run/resume-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import type { RunWorld } from '../../src/run/run-request.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CONFIG = parseConfig(
  'profiles: {quick: {output_options: ["-c:v libx264", "-preset ultrafast", "-crf 40", "-an"], extension: .mkv}}\n',
  'test.yml',
  [],
)
const CHOICE = { cluster: undefined, choice: { profile: 'quick', template: undefined, mixins: [] } }

let folder: RunFolder
let draining: AbortController

beforeEach(async () => {
  folder = await makeRunFolder()
  draining = new AbortController()
  for (const name of ['a.mp4', 'b.mp4']) await folder.makeFilm(name)
  await writeFile(folder.at('queue'), `${folder.at('a.mp4')}\n${folder.at('b.mp4')}\n`)
})

afterEach(() => folder[Symbol.asyncDispose]())

test('a run that is drained while it looks for files starts nothing and touches nothing', async () => {
  draining.abort()
  expect(await run()).toBe(0)
  expect(folder.events).toMatchObject([{ event: 'warning', message: 'Drained while it looked for files: nothing was started' }])
  expect(await folder.films()).toEqual(['a.mp4', 'b.mp4'])
})

test('a run that is drained before its first job leaves all of them queued, and opens no host', async () => {
  expect(await run('run.started')).toBe(0)
  expect(names()).toEqual(['run.started', 'job.queued', 'job.queued', 'warning', 'run.finished'])
  expect(folder.events.at(-1)).toMatchObject({ done: 0, failed: 0, left: 2, exit: 0 })
  expect(await states()).toEqual(['queued', 'queued'])
  expect(await readFile(folder.at('queue'), 'utf8')).toBe(`${folder.at('a.mp4')}\n${folder.at('b.mp4')}\n`)
})

test('resume does once what several drained runs have left', async () => {
  expect(await run('run.started')).toBe(0)
  expect(await run('job.started')).toBe(0)
  expect(await folder.films()).toEqual(['a.mkv', 'b.mp4'])
  folder.events.length = 0
  draining = new AbortController()
  expect(await resume()).toBe(0)
  expect(names().filter((name) => name === 'job.done')).toHaveLength(1)
  expect(await folder.films()).toEqual(['a.mkv', 'b.mkv'])
  expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
  expect(await resume()).toBe(0)
  expect(names().filter((name) => name === 'job.done')).toHaveLength(1)
})

/** A run of the queue file that is drained in the moment of its first such event. */
async function run(drainOn?: EventName): Promise<number> {
  if (drainOn !== undefined) draining = new AbortController()
  const request = { ...PLAIN_REQUEST, config: CONFIG, queueFile: folder.at('queue'), queueTarget: CHOICE, isSequential: true }
  return await runEncode(request, toWorld(drainOn))
}

async function resume(): Promise<number> {
  return await resumeRun({ config: CONFIG, onlyHosts: [], isSequential: true, strategy: 'fastest', argv: ['resume'] }, toWorld())
}

function toWorld(drainOn?: EventName): RunWorld {
  const take = (event: EncodeEvent) => {
    folder.events.push(event)
    if (event.event === drainOn) draining.abort()
  }
  return toRunWorld(folder.path, take, { draining: draining.signal })
}

function names(): readonly EventName[] {
  return folder.events.map(({ event }) => event)
}

async function states(): Promise<readonly string[]> {
  using ledger = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid, warner: process })
  return ledger.listJobs({}).map(({ state }) => state)
}
