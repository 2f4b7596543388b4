import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isEncodeError } from '../../src/core/errors.ts'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import { identifyProcess } from '../../src/ledger/process-identity.ts'
import { lacks } from '../capabilities.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { startContained, startFixture } from './child.ts'
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

let folder: TemporaryFolder
let nowMs: number
beforeEach(() => {
  folder = makeTemporaryFolder()
  nowMs = 1_800_000_000_000
})
afterEach(() => folder[Symbol.dispose]())

const clock = { now: () => nowMs }

function open(): Ledger {
  return openLedger({ folder: join(folder.path, 'state', 'encode'), clock, pid: process.pid, busyTimeoutMs: 200 })
}

function openWithRun(...ids: readonly string[]): Ledger {
  const ledger = open()
  ledger.startRun({ id: 'run', argv: ['-c', 'home', 'film.mp4'], clusters: ['home'] })
  ledger.addJobs(
    'run',
    ids.map((id) => createPlan(id, `/media/${id}.mp4`, { rule: 'big', queueFile: '/media/queue.txt' })),
  )
  return ledger
}

describe('The ledger', () => {
  test('is made for its owner alone', () => {
    using ledger = openWithRun('a')
    expect(ledger.file).toBe(join(folder.path, 'state', 'encode', 'ledger.sqlite'))
    expect(statSync(join(folder.path, 'state', 'encode')).mode & 0o777).toBe(0o700)
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${ledger.file}${suffix}`).mode & 0o777).toBe(0o600)
  })

  test('tells a job from its queueing to its end', () => {
    using ledger = openWithRun('a')
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
      addedAtMs: nowMs,
      startedAtMs: undefined,
      changedAtMs: nowMs,
      finishedAtMs: undefined,
    })
    nowMs += 1_000
    ledger.startAttempt('a', { host: 'tower', attempt: 1 })
    ledger.setState('a', 'encode')
    ledger.setState('a', 'queued', { reason: 'The host went away' })
    nowMs += 1_000
    ledger.startAttempt('a', { host: 'attic', attempt: 2 })
    expect(ledger.listJobs({})[0]).toMatchObject({ attempt: 2, host: 'attic', reason: undefined, startedAtMs: nowMs - 1_000 })
    ledger.setState('a', 'replace', { temporary: '/media/.encode-a.mkv', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'replace', temporary: '/media/.encode-a.mkv', outputBytes: 400 })
    nowMs += 1_000
    ledger.setState('a', 'done', { outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'done', finishedAtMs: nowMs, changedAtMs: nowMs, outputBytes: 400 })
  })

  test('names the attempt that moved last, and in the end the one whose result stands', () => {
    using ledger = openWithRun('a')
    ledger.startAttempt('a', { host: 'tower', attempt: 1 })
    ledger.startAttempt('a', { host: 'attic', attempt: 2 })
    ledger.setState('a', 'encode', { host: 'attic', attempt: 2 })
    ledger.setState('a', 'replace', { host: 'tower', attempt: 1, temporary: '/media/.encode-a-1.mkv', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'replace', host: 'tower', attempt: 1, temporary: '/media/.encode-a-1.mkv' })
    ledger.setState('a', 'done', { host: 'tower', outputBytes: 400 })
    expect(ledger.listJobs({})[0]).toMatchObject({ state: 'done', host: 'tower', attempt: 1 })
  })

  test('never takes back that a job is done', () => {
    using ledger = openWithRun('a')
    ledger.setState('a', 'done', { outputBytes: 400 })
    ledger.setState('a', 'interrupted')
    expect(ledger.listJobs({})[0]?.state).toBe('done')
  })

  test('refuses to speak of a job that it does not know', () => {
    using ledger = openWithRun('a')
    expect(() => ledger.setState('b', 'encode')).toThrow('The ledger knows no job "b"')
    expect(() => ledger.startAttempt('b', { host: 'tower', attempt: 1 })).toThrow('The ledger knows no job "b"')
    expect(() => ledger.noteFile('b', 'controller', '/x')).toThrow('The ledger knows no job "b"')
  })

  test('lists runs, the latest first, with how their jobs ended and what was saved', () => {
    using ledger = openWithRun('a', 'b', 'c', 'd')
    ledger.setState('a', 'done', { outputBytes: 400 })
    ledger.setState('b', 'done', { outputBytes: 300 })
    ledger.setState('c', 'failed', { reason: 'ffmpeg failed', log: '/state/logs/c.log' })
    nowMs += 60_000
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
    using ledger = openWithRun('a', 'b')
    ledger.setState('a', 'skipped', { reason: 'would save 1 %' })
    ledger.finishRun('run', 130)
    expect(ledger.listRuns(1)[0]).toMatchObject({ exitStatus: 130, finishedAtMs: nowMs, liveness: 'dead' })
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
    using ledger = openWithRun('a')
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
    using ledger = openWithRun('a', 'b', 'c', 'd')
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
    using ledger = openWithRun('a')
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
    using ledger = openWithRun('a', 'b')
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
    using ledger = openWithRun()
    const plans = Array.from({ length: 10_000 }, (_, number) => createPlan(`run-${number}`, `/media/season/${number}.mp4`))
    const before = process.cpuUsage()
    ledger.addJobs('run', plans)
    // Not the time that passes: the disk and the processor may have other work.
    const { user, system } = process.cpuUsage(before)
    expect(ledger.listRuns(1)[0]?.jobs.queued).toBe(10_000)
    expect((user + system) / 1_000).toBeLessThan(1_000)
  })
})

describe('A ledger whose controller was killed', () => {
  test('is told from one that lives, with its jobs and files, and can be closed', async () => {
    const state = join(folder.path, 'state', 'encode')
    await using controller = startFixture('hold-run', state, 'old', '/media/film.mp4')
    expect(await controller.nextLine()).toBe('ready')
    using ledger = open()
    expect(ledger.listRuns(1)[0]?.liveness).toBe('alive')
    expect(ledger.deadRuns()).toEqual([])
    expect(ledger.closeDeadRun('old')).toBe(false)
    expect([ledger.hasOtherWork('new'), ledger.hasOtherWork('old')]).toEqual([true, false])

    await controller.kill()
    expect(ledger.hasOtherWork('new')).toBe(false)
    const [dead] = ledger.deadRuns()
    expect(dead).toMatchObject({ id: 'old', liveness: 'dead', finishedAtMs: undefined })
    expect(dead?.unfinished).toMatchObject([{ id: 'old-1', state: 'encode', host: 'tower', plan: createPlan('old-1', '/media/film.mp4') }])
    const file = { runId: 'old', jobId: 'old-1', place: 'controller', path: '/media/film.mp4.temporary' }
    expect(dead?.files).toEqual([file])
    expect(ledger.leftFiles()).toEqual([file])

    {
      using _ = ledger.adoptDeadRun('old')
      using other = open()
      expect(other.deadRuns()).toEqual([])
      expect(other.adoptDeadRun('old')).toBeUndefined()
      expect(other.findHolder('/media/film.mp4')?.process.pid).toBe(process.pid)
      // What it may be about to put in place is nobody's to remove.
      expect(other.leftFiles()).toEqual([])
    }
    expect(ledger.deadRuns()).toEqual([dead])

    expect(ledger.closeDeadRun('old')).toBe(true)
    expect(ledger.deadRuns()).toEqual([])
    expect(ledger.unfinishedJobs('old')).toMatchObject([{ id: 'old-1', state: 'interrupted' }])
    // What is left on a host that cannot be reached now is still known later.
    expect(ledger.leftFiles()).toEqual([file])
  })

  test('is not worked against by a second name of the same file', async () => {
    const state = join(folder.path, 'state', 'encode')
    const [film, second, other] = ['film.mp4', 'seeding.mp4', 'other.mp4'].map((name) => join(folder.path, name))
    if (film === undefined || second === undefined || other === undefined) throw new Error('Three were named')
    for (const path of [film, other]) writeFileSync(path, '')
    linkSync(film, second)
    await using controller = startFixture('hold-run', state, 'old', film)
    expect(await controller.nextLine()).toBe('ready')
    using ledger = openWithRun()
    expect([...ledger.claimSources('run', [second, other]).keys()]).toEqual([second])
    expect(ledger.findHolder(second)).toMatchObject({ runId: 'old' })
    await controller.kill()
    expect(ledger.claimSource('run', second)).toBeUndefined()
  })

  test('gives its claims up, and a living one keeps them', async () => {
    const state = join(folder.path, 'state', 'encode')
    const media = join(folder.path, 'media')
    mkdirSync(media)
    symlinkSync(media, join(folder.path, 'link'))
    writeFileSync(join(media, 'film.mp4'), '')
    await using controller = startFixture('hold-run', state, 'old', join(media, 'film.mp4'))
    expect(await controller.nextLine()).toBe('ready')
    using ledger = openWithRun()
    // By another way to the same file.
    const path = join(folder.path, 'link', 'film.mp4')
    const other = join(media, 'other.mp4')
    const refused = ledger.claimSources('run', [path, other])
    expect([...refused.keys()]).toEqual([path])
    expect(refused.get(path)).toMatchObject({ runId: 'old', process: { pid: controller.pid } })
    expect(refused.get(path)?.sinceMs).toBeGreaterThan(Date.now() - 60_000)

    await using second = startFixture('hold-run', state, 'second', other)
    expect(await second.nextLine()).toBe(`refused ${process.pid}`)
    ledger.releaseSource('run', other)
    await using third = startFixture('hold-run', state, 'third', other)
    expect(await third.nextLine()).toBe('ready')

    await controller.kill()
    expect(ledger.claimSource('run', path)).toBeUndefined()
    expect(ledger.claimSource('run', join(media, 'film.mp4'))).toBeUndefined()
  })
})

test.skipIf(lacks('root'))(
  'A controller in another container is alive while it runs, and leaves nobody waiting when it was killed',
  async () => {
    const state = join(folder.path, 'state', 'encode')
    await using controller = startContained('hold-run', state, 'contained', '/media/film.mp4')
    expect(await controller.nextLine()).toBe('ready')
    using ledger = openWithRun()
    expect(ledger.claimSource('run', '/media/film.mp4')).toMatchObject({ runId: 'contained' })
    expect(ledger.deadRuns()).toEqual([])
    await controller.kill()
    expect(ledger.claimSource('run', '/media/film.mp4')).toBeUndefined()
    expect(ledger.deadRuns()).toMatchObject([{ id: 'contained', liveness: 'dead' }])
    expect(ledger.closeDeadRun('contained')).toBe(true)
    // Ours is still held.
    expect(readdirSync(state).filter((name) => name.startsWith('alive-'))).toHaveLength(1)
  },
)

describe('Several controllers on one ledger', () => {
  test('open it for the first time at once, write at once, and lose nothing', async () => {
    const state = join(folder.path, 'state', 'encode')
    const children = ['a', 'b', 'c'].map((id) => startFixture('write-jobs', state, id, '60'))
    try {
      expect(await Promise.all(children.map((child) => child.nextLine()))).toEqual(['done', 'done', 'done'])
    } finally {
      await Promise.all(children.map((child) => child[Symbol.asyncDispose]()))
    }
    using ledger = open()
    expect(
      ledger
        .listRuns(10)
        .map((run) => [run.id, run.exitStatus, run.jobs.done])
        .sort(),
    ).toEqual([
      ['a', 0, 60],
      ['b', 0, 60],
      ['c', 0, 60],
    ])
    expect(ledger.leftFiles()).toEqual([])
  })
})

describe('A run that was drained', () => {
  test('leaves what it has not started queued, until a later run takes it over', () => {
    using ledger = openWithRun('a', 'b', 'c')
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
    using ledger = openWithRun('a')
    ledger.finishRun('run', 130)
    expect(ledger.drainedRuns()).toEqual([])
  })

  test('was asked to, by a process that finds its answer', () => {
    using ledger = openWithRun('a')
    using asking = open()
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

describe('A ledger file that cannot be used', () => {
  function openError(): unknown {
    try {
      open()[Symbol.dispose]()
      return undefined
    } catch (error) {
      return error
    }
  }

  function write(content: string): string {
    mkdirSync(join(folder.path, 'state', 'encode'), { recursive: true })
    const file = join(folder.path, 'state', 'encode', 'ledger.sqlite')
    writeFileSync(file, content)
    return file
  }

  /** The first is 0. */
  function pageOf(file: string, table: string): number {
    const database = new DatabaseSync(file, { readOnly: true })
    const page = Number(database.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').get(table)?.rootpage)
    database.close()
    return page - 1
  }

  test('because a newer encode wrote it is refused and left as it is', () => {
    const file = write('')
    const newer = new DatabaseSync(file)
    newer.exec('CREATE TABLE future (x); PRAGMA user_version = 999')
    newer.close()
    const before = readFileSync(file)
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" was written by a newer encode (version 999`)
    expect(error.hint).toContain('XDG_STATE_HOME')
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(existsSync(`${file}-wal`)).toBe(false)
  })

  test('because it is no database is named, and not touched', () => {
    const file = write('This is a shopping list, not a database. '.repeat(100))
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is damaged or no ledger`)
    expect(error.hint).toContain('Move it away')
    expect(readFileSync(file, 'utf8')).toContain('shopping list')
  })

  test('because its pages are damaged is named when they are read', () => {
    using ledger = openWithRun('a', 'b')
    const { file } = ledger
    ledger[Symbol.dispose]()
    const bytes = readFileSync(file)
    const start = pageOf(file, 'jobs') * 4_096
    bytes.fill(0xff, start, start + 4_096)
    writeFileSync(file, bytes)
    using damaged = open()
    let error: unknown
    try {
      damaged.listJobs({ runId: 'run' })
    } catch (caught) {
      error = caught
    }
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is damaged`)
  })

  test('because its folder is a file is named', () => {
    writeFileSync(join(folder.path, 'state'), '')
    const error = openError()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain('cannot be opened')
    expect(error.hint).toContain('XDG_STATE_HOME')
  })

  test.skipIf(lacks('proc'))('because the system allows no folder there is named, and hangs nobody', () => {
    const opening = () => openLedger({ folder: '/proc/encode', clock, pid: process.pid })
    expect(opening).toThrow('cannot be opened')
  })

  test('because another program holds it is named', () => {
    const file = write('')
    const browser = new DatabaseSync(file)
    browser.exec('BEGIN EXCLUSIVE')
    const error = openError()
    browser.close()
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    expect(error.message).toContain(`The ledger "${file}" is held by another program`)
  })

  test.skipIf(lacks('root'))('because the disk is full is named, keeps what it had, and goes on when there is room', async () => {
    const state = join(folder.path, 'state')
    mkdirSync(state)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', state])
    try {
      using ledger = openWithRun('a')
      const fill = join(state, 'fill')
      const room = execFileSync('df', ['--output=avail', '-B1', state], { encoding: 'utf8' }).split('\n')[1]
      writeFileSync(fill, Buffer.alloc(Number(room)))
      let error: unknown
      try {
        ledger.addJobs(
          'run',
          Array.from({ length: 200 }, (_, number) => createPlan(`b-${number}`, '/media/b.mp4')),
        )
      } catch (caught) {
        error = caught
      }
      rmSync(fill)
      if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
      expect(error.message).toContain('cannot be written: the disk is full')
      expect(ledger.listJobs({}).map((job) => job.id)).toEqual(['a'])
      ledger.setState('a', 'encode')
      expect(ledger.listJobs({})[0]?.state).toBe('encode')
      // What still goes on holds the disk.
      await ledger.flush()
    } finally {
      execFileSync('umount', [state])
    }
  })
})
