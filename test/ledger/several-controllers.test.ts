/** What a controller knows of others by the ledger: those that live, those that died, those that begin with it. */

import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lacks } from '../capabilities.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { startContained, startFixture } from './child.ts'
import { type LedgerFolder, makeLedgerFolder } from './ledger-folder.ts'

let folder: LedgerFolder
beforeEach(() => {
  folder = makeLedgerFolder()
})
afterEach(() => folder[Symbol.dispose]())

describe('A ledger whose controller was killed', () => {
  test('is told from one that lives, with its jobs and files, and can be closed', async () => {
    await using controller = startFixture('hold-run', folder.state, 'old', '/media/film.mp4')
    expect(await controller.nextLine()).toBe('ready')
    using ledger = folder.open()
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
      using other = folder.open()
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
    const [film, second, other] = ['film.mp4', 'seeding.mp4', 'other.mp4'].map((name) => join(folder.path, name))
    if (film === undefined || second === undefined || other === undefined) throw new Error('Three were named')
    for (const path of [film, other]) writeFileSync(path, '')
    linkSync(film, second)
    await using controller = startFixture('hold-run', folder.state, 'old', film)
    expect(await controller.nextLine()).toBe('ready')
    using ledger = folder.openWithRun()
    expect([...ledger.claimSources('run', [second, other]).keys()]).toEqual([second])
    expect(ledger.findHolder(second)).toMatchObject({ runId: 'old' })
    await controller.kill()
    expect(ledger.claimSource('run', second)).toBeUndefined()
  })

  test('gives its claims up, and a living one keeps them', async () => {
    const media = join(folder.path, 'media')
    mkdirSync(media)
    symlinkSync(media, join(folder.path, 'link'))
    writeFileSync(join(media, 'film.mp4'), '')
    await using controller = startFixture('hold-run', folder.state, 'old', join(media, 'film.mp4'))
    expect(await controller.nextLine()).toBe('ready')
    using ledger = folder.openWithRun()
    // By another way to the same file.
    const path = join(folder.path, 'link', 'film.mp4')
    const other = join(media, 'other.mp4')
    const refused = ledger.claimSources('run', [path, other])
    expect([...refused.keys()]).toEqual([path])
    expect(refused.get(path)).toMatchObject({ runId: 'old', process: { pid: controller.pid } })
    expect(refused.get(path)?.sinceMs).toBeGreaterThan(Date.now() - 60_000)

    await using second = startFixture('hold-run', folder.state, 'second', other)
    expect(await second.nextLine()).toBe(`refused ${process.pid}`)
    ledger.releaseSource('run', other)
    await using third = startFixture('hold-run', folder.state, 'third', other)
    expect(await third.nextLine()).toBe('ready')

    await controller.kill()
    expect(ledger.claimSource('run', path)).toBeUndefined()
    expect(ledger.claimSource('run', join(media, 'film.mp4'))).toBeUndefined()
  })
})

test.skipIf(lacks('root'))(
  'A controller in another container is alive while it runs, and leaves nobody waiting when it was killed',
  async () => {
    await using controller = startContained('hold-run', folder.state, 'contained', '/media/film.mp4')
    expect(await controller.nextLine()).toBe('ready')
    using ledger = folder.openWithRun()
    expect(ledger.claimSource('run', '/media/film.mp4')).toMatchObject({ runId: 'contained' })
    expect(ledger.deadRuns()).toEqual([])
    await controller.kill()
    expect(ledger.claimSource('run', '/media/film.mp4')).toBeUndefined()
    expect(ledger.deadRuns()).toMatchObject([{ id: 'contained', liveness: 'dead' }])
    expect(ledger.closeDeadRun('contained')).toBe(true)
    // Ours is still held.
    expect(readdirSync(folder.state).filter((name) => name.startsWith('alive-'))).toHaveLength(1)
  },
)

describe('Several controllers on one ledger', () => {
  test('open it for the first time at once, write at once, and lose nothing', async () => {
    const children = ['a', 'b', 'c'].map((id) => startFixture('write-jobs', folder.state, id, '60'))
    try {
      expect(await Promise.all(children.map((child) => child.nextLine()))).toEqual(['done', 'done', 'done'])
    } finally {
      await Promise.all(children.map((child) => child[Symbol.asyncDispose]()))
    }
    using ledger = folder.open()
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
