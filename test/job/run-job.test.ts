/** One attempt on a real host, whose slot is the test's to give. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { JobContext } from '../../src/job/job-context.ts'
import { runJob } from '../../src/job/run-job.ts'
import type { JobOutcome } from '../../src/model/outcome.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { type LocalHost, openLocalHost } from '../fixtures/local-host.ts'

const ffprobe = createFfprobe('ffprobe')

let here: LocalHost
let before: Buffer
let folder: string
let plan: JobPlan

beforeAll(async () => {
  here = await openLocalHost()
  const film = join(here.folder, 'film.mp4')
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=10:duration=1']
  await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', ...picture, '-c:v', 'libx264', `file:${film}`])
  before = await readFile(film)
})

afterAll(() => here[Symbol.asyncDispose]())

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'encode-run-job-')))
  await Promise.all([mkdir(join(folder, 'films')), mkdir(join(folder, 'work'))])
  const film = join(folder, 'films', 'a.mp4')
  await writeFile(film, before)
  const source = await ffprobe.probe(film)
  plan = createPlan('run-1', film, { source, arguments: { input: [], output: ['-c:v', 'libx264', '-preset', 'ultrafast'] } })
})

afterEach(() => rm(folder, { recursive: true }))

test('waits for its slot when its source is there, says so once, and counts that time neither as work nor as standstill', async () => {
  const lateness = { ms: 0 }
  const attempt = start({ clock: { ...systemClock, now: () => systemClock.now() + lateness.ms } })
  await attempt.waiting
  expect(attempt.steps).toEqual(['fetch', 'waiting'])
  expect(await readdir(join(folder, 'work'))).toEqual(['run-1-1.source.mp4'])
  lateness.ms = 3_600_000
  attempt.giveSlot()
  const outcome = await attempt.outcome
  expect(outcome).toMatchObject({ kind: 'done' })
  expect(outcome.kind === 'done' && outcome.seconds).toBeLessThan(600)
  // The slot is free while the result is on its way.
  expect(attempt.steps).toEqual(['fetch', 'waiting', 'encode', 'released', 'return', 'verify', 'claimed', 'replace'])
  expect(await listAll()).toEqual(['films/a.mkv'])
})

test('begins to encode at once where it has its slot, and says nothing of waiting', async () => {
  const attempt = start({ hasSlot: true })
  expect(await attempt.outcome).toMatchObject({ kind: 'done' })
  expect(attempt.steps.slice(0, 2)).toEqual(['fetch', 'encode'])
})

test('that is withdrawn while it waits leaves nothing', async () => {
  const attempt = start()
  await attempt.waiting
  attempt.withdraw()
  expect(await attempt.outcome).toEqual({ kind: 'interrupted' })
  expect(attempt.steps).toEqual(['fetch', 'waiting'])
  await expectUntouched()
  expect(attempt.noted()).toEqual([])
})

test('that is withdrawn before it began makes nothing', async () => {
  const attempt = start({ isWithdrawn: true })
  expect(await attempt.outcome).toEqual({ kind: 'interrupted' })
  expect(attempt.steps).toEqual([])
  await expectUntouched()
})

test('ends when its source changes while it waits', async () => {
  const clock = createFakeClock()
  const attempt = start({ clock })
  await attempt.waiting
  await utimes(plan.source.path, 1_000_000_000, 1_000_000_000)
  await clock.advance(5_000)
  expect(await attempt.outcome).toMatchObject({ kind: 'failed', retry: 'never', reason: expect.stringContaining('changed') })
  await expectUntouched()
  expect(clock.sleeping()).toBe(0)
})

test('of two at one job, one puts its result in place, and the other leaves nothing of its own', async () => {
  let isClaimed = false
  const claim = (): boolean => {
    if (isClaimed) return false
    isClaimed = true
    for (const other of [first, second]) if (!other.steps.includes('claimed')) other.withdraw()
    return true
  }
  await mkdir(join(folder, 'other'))
  const first = start({ hasSlot: true, claim })
  const second = start({ hasSlot: true, claim, number: 2, workFolder: join(folder, 'other') })
  const outcomes = await Promise.all([first.outcome, second.outcome])
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['done', 'interrupted'])
  expect(await listAll()).toEqual(['films/a.mkv'])
  expect([...first.noted(), ...second.noted()]).toEqual([])
})

interface AttemptFields {
  readonly clock?: JobContext['clock']
  readonly hasSlot?: boolean
  readonly isWithdrawn?: boolean
  readonly claim?: () => boolean
  readonly number?: number
  readonly workFolder?: string
}

/** This machine as a host to which the media must be sent. */
function start({ clock = systemClock, hasSlot = false, isWithdrawn = false, claim = () => true, ...rest }: AttemptFields = {}) {
  const { number = 1, workFolder = join(folder, 'work') } = rest
  const steps: string[] = []
  const noted = new Set<string>()
  const slot = Promise.withResolvers<void>()
  const waiting = Promise.withResolvers<void>()
  const withdrawal = new AbortController()
  if (hasSlot) slot.resolve()
  if (isWithdrawn) withdrawal.abort()
  const outcome: Promise<JobOutcome> = runJob({
    plan,
    attempt: number,
    host: { ...here.host, config: { ...here.host.config, type: 'streaming' } },
    facts: here.facts,
    clock,
    slot: {
      hasSlot,
      take: () => slot.promise,
      takeEarly: () => slot.promise,
      release: () => {
        if (!steps.includes('released')) steps.push('released')
      },
      withdrawn: withdrawal.signal,
      claimResult: () => {
        steps.push('claimed')
        const isOurs = claim()
        if (!isOurs) steps.pop()
        return isOurs
      },
    },
    signal: new AbortController().signal,
    readMedia: ffprobe.read,
    files: {
      note: async (place, path) => void noted.add(`${place} ${path}`),
      forget: async (place, path) => void noted.delete(`${place} ${path}`),
    },
    workFolder: async () => workFolder,
    flsPath: undefined,
    onStage: (stage) => steps.push(stage),
    flushStages: async () => {},
    onProgress: () => {},
    onWaiting: () => {
      steps.push('waiting')
      waiting.resolve()
    },
    onWarning: () => {},
    logFile: join(folder, 'log'),
  })
  return {
    outcome,
    steps,
    waiting: waiting.promise,
    giveSlot: () => slot.resolve(),
    withdraw: () => withdrawal.abort(),
    noted: () => [...noted],
  }
}

async function expectUntouched(): Promise<void> {
  expect(await readFile(plan.source.path)).toEqual(before)
  expect((await listAll()).filter((name) => name !== 'log')).toEqual(['films/a.mp4'])
}

async function listAll(): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}
