import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { EncodeEvent, EventName } from '../../src/model/events.ts'
import { resumeRun } from '../../src/run/resume-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import type { RunWorld } from '../../src/run/run-request.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'

const CONFIG = parseConfig(
  'profiles: {quick: {output_options: ["-c:v libx264", "-preset ultrafast", "-crf 40", "-an"], extension: .mkv}}\n',
  'test.yml',
  [],
)
const CHOICE = { cluster: undefined, choice: { profile: 'quick', template: undefined, mixins: [] } }

let folder: string
let draining: AbortController
let events: EncodeEvent[]

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-draining-')))
  draining = new AbortController()
  events = []
  for (const name of ['a.mp4', 'b.mp4']) await makeFilm(name)
  await writeFile(at('queue'), `${at('a.mp4')}\n${at('b.mp4')}\n`)
})

afterEach(() => rm(folder, { recursive: true }))

test('a run that is drained while it looks for files starts nothing and touches nothing', async () => {
  draining.abort()
  expect(await run()).toBe(0)
  expect(events).toMatchObject([{ event: 'warning', message: 'Drained while it looked for files: nothing was started' }])
  expect(await films()).toEqual(['a.mp4', 'b.mp4'])
})

test('a run that is drained before its first job leaves all of them queued, and opens no host', async () => {
  expect(await run('run.started')).toBe(0)
  expect(names()).toEqual(['run.started', 'job.queued', 'job.queued', 'warning', 'run.finished'])
  expect(events.at(-1)).toMatchObject({ done: 0, failed: 0, left: 2, exit: 0 })
  expect(await states()).toEqual(['queued', 'queued'])
  expect(await readFile(at('queue'), 'utf8')).toBe(`${at('a.mp4')}\n${at('b.mp4')}\n`)
})

test('resume does once what several drained runs have left', async () => {
  expect(await run('run.started')).toBe(0)
  expect(await run('job.started')).toBe(0)
  expect(await films()).toEqual(['a.mkv', 'b.mp4'])
  events = []
  draining = new AbortController()
  expect(await resume()).toBe(0)
  expect(names().filter((name) => name === 'job.done')).toHaveLength(1)
  expect(await films()).toEqual(['a.mkv', 'b.mkv'])
  expect(await readFile(at('queue'), 'utf8')).toBe('')
  expect(await resume()).toBe(0)
  expect(names().filter((name) => name === 'job.done')).toHaveLength(1)
})

/** A run of the queue file that is drained in the moment of its first such event. */
async function run(drainOn?: EventName): Promise<number> {
  if (drainOn !== undefined) draining = new AbortController()
  const request = { ...PLAIN_REQUEST, config: CONFIG, queueFile: at('queue'), queueTarget: CHOICE, isSequential: true }
  return await runEncode(request, toWorld(drainOn))
}

async function resume(): Promise<number> {
  return await resumeRun({ config: CONFIG, onlyHosts: [], isSequential: true, strategy: 'fastest', argv: ['resume'] }, toWorld())
}

function toWorld(drainOn?: EventName): RunWorld {
  const take = (event: EncodeEvent) => {
    events.push(event)
    if (event.event === drainOn) draining.abort()
  }
  return toRunWorld(folder, take, { draining: draining.signal })
}

function names(): readonly EventName[] {
  return events.map(({ event }) => event)
}

async function states(): Promise<readonly string[]> {
  using ledger = openLedger({ folder: at('state'), clock: systemClock, pid: process.pid, warner: process })
  return ledger.listJobs({}).map(({ state }) => state)
}

async function films(): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.includes('.m')).sort()
}

async function makeFilm(name: string): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=10:duration=1,noise=alls=20:allf=t']
  await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', ...source, '-c:v', 'libx264', '-crf', '5', `file:${at(name)}`])
}

function at(name: string): string {
  return join(folder, name)
}
