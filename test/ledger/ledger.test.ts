import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identifyProcess } from '../../src/ledger/process-identity.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { type LedgerFolder, makeLedgerFolder } from './ledger-folder.ts'

let folder: LedgerFolder
beforeEach(() => {
  folder = makeLedgerFolder()
})
afterEach(() => folder[Symbol.dispose]())

describe('The ledger', () => {
  test('is made for its owner alone', () => {
    using ledger = folder.openWithRun('a')
    expect(ledger.file).toBe(join(folder.state, 'ledger.sqlite'))
    expect(statSync(folder.state).mode & 0o777).toBe(0o700)
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${ledger.file}${suffix}`).mode & 0o777).toBe(0o600)
  })

  test('tells a job from its queueing to its end', () => {
    using ledger = folder.openWithRun('a')
    const queued = ledger.listJobs({ runId: 'run' })[0]
    expect(queued).toEqual({
      id: 'a',
      runId: 'run',
      source: '/media/a.mp4',
      sourceBytes: 1_000,
      sourceMtimeMs: 1_700_000_000_000.5,
      cluster: 'home',
      profile: 'hevc',
      queue: '_default',
      rule: 'big',
      output: '/media/a.mkv',
      replacesSource: true,
      mayOverwrite: false,
      queueFile: '/media/queue.txt',
      state: 'queued',
      attempt: 0,
      host: undefined,
      reason: undefined,
      log: undefined,
      temporary: undefined,
      outputBytes: undefined,
      resumedAs: undefined,
      addedAtMs: folder.nowMs,
      startedAtMs: undefined,
      changedAtMs: folder.nowMs,
      finishedAtMs: undefined,
    })
    folder.nowMs += 1_000
    ledger.startAttempt('a', { host: 'tower', attempt: 1 })
    ledger.setState('a', 'encode')
    ledger.setState('a', 'queued', { reason: 'The host went away' })
    folder.nowMs += 1_000
    ledger.startAttempt('a', { host: 'attic', attempt: 2 })
    expect(ledger.listJobs({})[0]).toMatchObject({ attempt: 2, host: 'attic', reason: undefined, startedAtMs: folder.nowMs - 1_000 })
    ledger.setState('a', 'replace', { temporary: '/media/.encode-a.mkv', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'replace', temporary: '/media/.encode-a.mkv', outputBytes: 400 })
    folder.nowMs += 1_000
    ledger.setState('a', 'done', { outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'done', finishedAtMs: folder.nowMs, changedAtMs: folder.nowMs, outputBytes: 400 })
  })

  test('names the attempt that moved last, and in the end the one whose result stands', () => {
    using ledger = folder.openWithRun('a')
    ledger.startAttempt('a', { host: 'tower', attempt: 1 })
    ledger.startAttempt('a', { host: 'attic', attempt: 2 })
    ledger.setState('a', 'encode', { host: 'attic', attempt: 2 })
    ledger.setState('a', 'replace', { host: 'tower', attempt: 1, temporary: '/media/.encode-a-1.mkv', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'replace', host: 'tower', attempt: 1, temporary: '/media/.encode-a-1.mkv' })
    ledger.setState('a', 'done', { host: 'tower', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'done', host: 'tower', attempt: 1 })
  })

  test('never takes back that a job is done', () => {
    using ledger = folder.openWithRun('a')
    ledger.setState('a', 'done', { outputBytes: 400 })
    ledger.setState('a', 'interrupted')
    expect(ledger.listJobs({})[0]?.state).toBe('done')
  })

  test('refuses to speak of a job that it does not know', () => {
    using ledger = folder.openWithRun('a')
    expect(() => ledger.setState('b', 'encode')).toThrow('The ledger knows no job "b"')
    expect(() => ledger.startAttempt('b', { host: 'tower', attempt: 1 })).toThrow('The ledger knows no job "b"')
    expect(() => ledger.noteFile('b', 'controller', '/x')).toThrow('The ledger knows no job "b"')
  })

  test('lists runs, the latest first, with how their jobs ended and what was saved', () => {
    using ledger = folder.openWithRun('a', 'b', 'c', 'd')
    ledger.setState('a', 'done', { outputBytes: 400 })
    ledger.setState('b', 'done', { outputBytes: 300 })
    ledger.setState('c', 'failed', { reason: 'ffmpeg failed', log: '/state/logs/c.log' })
    folder.nowMs += 60_000
    ledger.startRun({ id: 'later', argv: [], clusters: [] })
    const [later, run] = ledger.listRuns(10)
    expect(later).toMatchObject({ id: 'later', liveness: 'alive', finishedAtMs: undefined })
    expect(run).toMatchObject({ id: 'run', argv: ['-c', 'home', 'film.mp4'], clusters: ['home'], sourceBytes: 2_000, outputBytes: 700 })
    expect(run?.jobs).toMatchObject({ done: 2, failed: 1, queued: 1, interrupted: 0 })
    expect(run?.process).toMatchObject(identifyProcess(process.pid))
    expect(ledger.listRuns(1)).toHaveLength(1)
    expect(ledger.listJobs({ states: ['failed'] })).toMatchObject([{ id: 'c', reason: 'ffmpeg failed', log: '/state/logs/c.log' }])
    expect(ledger.listJobs({ limit: 2 }).map((job) => job.id)).toEqual(['c', 'd'])
  })

  test('marks what a finished run did not end as interrupted, and hands it to the run that resumes it, once', () => {
    using ledger = folder.openWithRun('a', 'b')
    ledger.setState('a', 'skipped', { reason: 'would save 1 %' })
    ledger.finishRun('run', 130)
    expect(ledger.listRuns(1)[0]).toMatchObject({ exitStatus: 130, finishedAtMs: folder.nowMs, liveness: 'dead' })
    expect(ledger.unfinishedJobs('run').map((job) => [job.id, job.state])).toEqual([['b', 'interrupted']])

    ledger.startRun({ id: 'next', argv: ['resume'], clusters: ['home'] })
    const plan = ledger.takeOver('b', { runId: 'next', jobId: 'next-1' })
    expect(plan).toEqual(createPlan('next-1', '/media/b.mp4', { rule: 'big', queueFile: '/media/queue.txt' }))
    expect(ledger.takeOver('b', { runId: 'next', jobId: 'next-2' })).toBeUndefined()
    expect(ledger.takeOver('a', { runId: 'next', jobId: 'next-3' })).toBeUndefined()
    expect(ledger.unfinishedJobs('run')).toEqual([])
    expect(ledger.listJobs({ runId: 'run' })[1]).toMatchObject({ state: 'interrupted', resumedAs: 'next-1' })
    expect(ledger.unfinishedJobs('next')).toMatchObject([{ id: 'next-1', state: 'queued', plan }])
  })

  test('keeps names of files until they are gone, by job and by run', () => {
    using ledger = folder.openWithRun('a')
    const tower = { cluster: 'home', host: 'tower' }
    ledger.noteFile('a', 'controller', '/media/.encode-a.mkv')
    ledger.noteFile('a', tower, '/tmp/encode/a.mp4')
    ledger.noteFile('a', tower, '/tmp/encode/a.mp4')
    ledger.noteRunFile('run', tower, '/tmp/encode')
    expect(ledger.leftFiles()).toEqual([])
    ledger.forgetFile('a', 'controller', '/media/.encode-a.mkv')
    ledger.finishRun('run', 1)
    const left = ledger.leftFiles()
    expect(left).toEqual([
      { runId: 'run', jobId: 'a', place: tower, path: '/tmp/encode/a.mp4' },
      { runId: 'run', jobId: undefined, place: tower, path: '/tmp/encode' },
    ])
    for (const file of left) ledger.forgetLeftFile(file)
    expect(ledger.leftFiles()).toEqual([])
  })

  test('knows how large the latest results of a profile became', () => {
    using ledger = folder.openWithRun('a', 'b', 'c', 'd')
    for (const [id, outputBytes] of [
      ['a', 300],
      ['b', 400],
      ['c', 500],
    ] as const) {
      ledger.setState(id, 'done', { outputBytes })
    }
    ledger.setState('d', 'failed', { reason: 'no' })
    expect(ledger.finishedSizes('hevc', 2)).toEqual([
      { sourceBytes: 1_000, resultBytes: 400 },
      { sourceBytes: 1_000, resultBytes: 500 },
    ])
    expect(ledger.finishedSizes('other', 20)).toEqual([])
  })

  test('tells of files that became no jobs', () => {
    using ledger = folder.openWithRun('a')
    ledger.addRefusedFiles('run', [
      { path: '/media/b.mp4', reason: 'It is empty' },
      { path: '/media/c.mp4', reason: 'exists already' },
    ])
    ledger.addRefusedFiles('run', [])
    expect(ledger.refusedFiles('run').map(({ path }) => path)).toEqual(['/media/b.mp4', '/media/c.mp4'])
    expect(ledger.refusedFiles('other')).toEqual([])
    expect(ledger.listRuns(1)).toMatchObject([{ refused: 2, jobs: { queued: 1, failed: 0 } }])
  })

  test('writes a batch as a whole or not at all', () => {
    using ledger = folder.openWithRun('a', 'b')
    expect(() =>
      ledger.batch(() => {
        ledger.setState('a', 'failed', { reason: 'no' })
        ledger.setState('unknown', 'failed')
      }),
    ).toThrow('unknown')
    expect(ledger.listJobs({ states: ['failed'] })).toEqual([])
    ledger.batch(() => {
      ledger.setState('a', 'failed')
      ledger.addJobs('run', [createPlan('c', '/media/c.mp4')])
    })
    expect(ledger.listJobs({}).map((job) => job.state)).toEqual(['failed', 'queued', 'queued'])
  })

  test('takes 10,000 jobs for less than a second of computing', () => {
    using ledger = folder.openWithRun()
    const plans = Array.from({ length: 10_000 }, (_, number) => createPlan(`run-${number}`, `/media/season/${number}.mp4`))
    const before = process.cpuUsage()
    ledger.addJobs('run', plans)
    // Not the time that passes: the disk and the processor may have other work.
    const { user, system } = process.cpuUsage(before)
    expect(ledger.listRuns(1)[0]?.jobs.queued).toBe(10_000)
    expect((user + system) / 1_000).toBeLessThan(1_000)
  })
})

describe('A run that was drained', () => {
  test('leaves what it has not started queued, until a later run takes it over', () => {
    using ledger = folder.openWithRun('a', 'b', 'c')
    ledger.setState('a', 'encode')
    ledger.setState('b', 'done', { outputBytes: 1 })
    expect(ledger.drainedRuns()).toEqual([])
    ledger.finishRun('run', 0, { isDrained: true })
    expect(ledger.listJobs({ runId: 'run' }).map(({ state }) => state)).toEqual(['interrupted', 'done', 'queued'])
    const [drained, ...more] = ledger.drainedRuns()
    expect(more).toEqual([])
    expect(drained?.unfinished.map(({ id }) => id)).toEqual(['c'])
    ledger.startRun({ id: 'later', argv: ['resume'], clusters: ['home'] })
    expect(ledger.takeOver('c', { runId: 'later', jobId: 'later-1' })).toMatchObject({ id: 'later-1' })
    expect(ledger.drainedRuns()).toEqual([])
  })

  test('is none of those that were interrupted', () => {
    using ledger = folder.openWithRun('a')
    ledger.finishRun('run', 130)
    expect(ledger.drainedRuns()).toEqual([])
  })

  test('was asked to, by a process that finds its answer', () => {
    using ledger = folder.openWithRun('a')
    using asking = folder.open()
    expect(asking.livingRuns().map(({ id }) => id)).toEqual(['run'])
    const whole = asking.askToDrain('run', { cluster: undefined, host: undefined })
    const one = asking.askToDrain('run', { cluster: 'home', host: 'nas' })
    expect(ledger.openRequests('other')).toEqual([])
    expect(ledger.openRequests('run')).toEqual([
      { id: whole, cluster: undefined, host: undefined },
      { id: one, cluster: 'home', host: 'nas' },
    ])
    expect(asking.findAnswer(one)).toBeUndefined()
    ledger.answerRequest(one, { isRefused: true, message: 'has no such host' })
    expect(asking.findAnswer(one)).toEqual({ isRefused: true, message: 'has no such host' })
    expect(ledger.openRequests('run').map(({ id }) => id)).toEqual([whole])
    ledger.finishRun('run', 0)
    expect(asking.livingRuns()).toEqual([])
  })
})
