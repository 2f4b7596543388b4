/** What the next run, and `encode resume`, make of what a controller left that died. */

import { execFile } from 'node:child_process'
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import type { Config } from '../../src/model/config.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { endReplacements } from '../../src/run/end-replacements.ts'
import { resumeRun } from '../../src/run/resume-run.ts'
import { runEncode } from '../../src/run/run-encode.ts'
import type { RunWorld } from '../../src/run/run-request.ts'
import { planQuick, QUICK_CONFIG } from '../fixtures/quick-plan.ts'
import { makeRunFolder, type RunFolder } from '../fixtures/run-folder.ts'
import { PLAIN_REQUEST, toRunWorld } from '../fixtures/run-world.ts'
import { startFixture } from '../ledger/child.ts'

const run = promisify(execFile)

let folder: RunFolder

beforeEach(async () => {
  folder = await makeRunFolder()
})

afterEach(() => folder[Symbol.asyncDispose]())

describe('a line that was left in the queue file by a controller that died', () => {
  test('is taken out where the job is done and its source is gone', async () => {
    await folder.makeFilm('a.mkv')
    await leaveRun('dead', [
      { plan: await planQuick(folder, 'a.mp4', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: await sizeOf('a.mkv') } },
    ])
    await writeFile(folder.at('queue'), `${folder.at('a.mp4')}\n`)
    expect(await runQueue()).toBe(0)
    expect(folder.eventsOf('job.skipped')).toMatchObject([
      { file: folder.at('a.mp4'), reason: expect.stringContaining('Run dead has done it already') },
    ])
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
  })

  test('is taken out where the result bears the source’s name, which is not encoded again; put back, it is', async () => {
    await folder.makeFilm('a.mkv')
    const sizeBytes = await sizeOf('a.mkv')
    await leaveRun('dead', [
      { plan: await planQuick(folder, 'a.mkv', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: sizeBytes } },
    ])
    await writeFile(folder.at('queue'), `${folder.at('a.mkv')}\n`)
    expect(await runQueue()).toBe(0)
    expect(await sizeOf('a.mkv')).toBe(sizeBytes)
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
    await writeFile(folder.at('queue'), `${folder.at('a.mkv')}\n`)
    expect(await runQueue()).toBe(0)
    expect(folder.eventsOf('job.done')).toHaveLength(1)
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
  })

  test('stays, and fails, where the result is not what that job made', async () => {
    await folder.makeFilm('a.mkv')
    await leaveRun('dead', [{ plan: await planQuick(folder, 'a.mp4', 'a.mkv', 'a.mkv'), state: 'done', fields: { outputBytes: 1 } }])
    await writeFile(folder.at('queue'), `${folder.at('a.mp4')}\n`)
    expect(await runQueue()).toBe(1)
    expect(await readFile(folder.at('queue'), 'utf8')).toBe(`${folder.at('a.mp4')}\n`)
  })
})

describe('a controller that died while it replaced', () => {
  test('with the source still beside the result: the next run of the queue file ends it', async () => {
    const plan = await leaveHalfReplaced()
    await writeFile(folder.at('queue'), `${plan.source.path}\n`)
    expect(await runQueue()).toBe(0)
    expect(await folder.films()).toEqual(['a.mkv'])
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('')
    expect(folder.eventsOf('warning').map(({ message }) => message)).toEqual([expect.stringContaining('now "')])
  })

  test('of runs that come at the same time one ends it: two could take the result from each other', async () => {
    const plan = await leaveHalfReplaced()
    using one = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid })
    using other = openLedger({ folder: folder.at('state'), clock: systemClock, pid: process.pid })
    const dead = [one.deadRuns(), other.deadRuns()] as const
    const ended = await Promise.all([endReplacements(one, dead[0]), endReplacements(other, dead[1])])
    expect(ended).toMatchObject([[{ job: { source: plan.source.path }, failure: undefined }], []])
    expect(await endReplacements(other, dead[1])).toEqual([])
    expect(await folder.films()).toEqual(['a.mkv'])
    expect(other.deadRuns()).toMatchObject([{ liveness: 'dead', unfinished: [] }])
  })

  test('resume ends it, counts it as done, and takes the line out of the queue file', async () => {
    const plan = await leaveHalfReplaced()
    await writeFile(folder.at('queue'), `# tonight\n${plan.source.path}\n`)
    expect(await resume()).toBe(0)
    expect(folder.eventsOf('run.finished')).toMatchObject([{ done: 1, failed: 0, source_bytes: plan.source.sizeBytes }])
    expect(await folder.films()).toEqual(['a.mkv'])
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('# tonight\n')
  })
})

describe('resume', () => {
  test('under a configuration without the cluster tells how the run was called, and leaves its jobs as they are', async () => {
    await folder.makeFilm('a.mp4')
    const plan = { ...(await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv')), cluster: 'home' }
    await leaveRun('dead', [{ plan, state: 'encode' }])
    await expect(resume()).rejects.toMatchObject({
      message: 'There is no cluster "home"',
      hint: `"test.yml" defines no clusters. Run dead was called as encode -y own.yml -p quick 'a film.mp4'`,
    })
    expect(folder.events).toEqual([])
    expect(await folder.films()).toEqual(['a.mp4'])
  })

  test('leaves a source alone that a living controller works on, and says who', async () => {
    await folder.makeFilm('a.mp4')
    await leaveRun('dead', [{ plan: await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv'), state: 'encode' }])
    await using holder = startFixture('hold-run', folder.at('state'), 'living', folder.at('a.mp4'))
    expect(await holder.nextLine()).toBe('ready')
    expect(await resume()).toBe(1)
    expect(folder.eventsOf('job.failed')).toMatchObject([{ reason: expect.stringContaining(`process ${holder.pid}`) }])
    expect(await folder.films()).toEqual(['a.mp4'])
  })

  test('does not report as lost what another run has done since', async () => {
    await folder.makeFilm('a.mp4')
    const plan = await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv')
    await leaveRun('dead', [{ plan, state: 'encode' }])
    await leaveRun('later', [{ plan: { ...plan, id: 'later-1' }, state: 'done', fields: { outputBytes: 5 } }], { FINISHED: '1' })
    await rm(folder.at('a.mp4'))
    expect(await resume()).toBe(0)
    expect(folder.eventsOf('job.skipped')).toMatchObject([
      { file: folder.at('a.mp4'), reason: expect.stringContaining('Run later has done it since') },
    ])
  })

  test('encodes a film once that two controllers died over', async () => {
    await folder.makeFilm('a.mp4')
    const plan = await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv')
    await leaveRun('first', [{ plan, state: 'encode' }])
    await leaveRun('second', [{ plan: { ...plan, id: 'second-1' }, state: 'encode' }])
    expect(await resume()).toBe(0)
    expect(folder.eventsOf('job.done')).toHaveLength(1)
    expect(folder.eventsOf('job.skipped')).toMatchObject([{ file: folder.at('a.mp4'), reason: 'Run second was asked for it again' }])
    expect(await folder.films()).toEqual(['a.mkv'])
  })

  test('takes the lines of jobs that end together out of their queue file, all of them', async () => {
    const names = ['a', 'b', 'c', 'd']
    for (const name of names) await folder.makeFilm(`${name}.mp4`)
    const plans = await Promise.all(names.map((name) => planQuick(folder, `${name}.mp4`, `${name}.mp4`, `${name}.mkv`)))
    const lines = names.map((name) => folder.at(`${name}.mp4`))
    await writeFile(folder.at('queue'), ['# tonight', ...lines, ''].join('\n'))
    await leaveRun(
      'dead',
      plans.map((plan) => ({ plan: { ...plan, queueFile: folder.at('queue') }, state: 'queued' })),
    )
    expect(await resume({ ...QUICK_CONFIG, queues: { _default: names.length } })).toBe(0)
    expect(folder.eventsOf('warning')).toEqual([])
    expect(await readFile(folder.at('queue'), 'utf8')).toBe('# tonight\n')
  })

  test('encodes what is left; a result that somebody put there meanwhile fails before any work', async () => {
    await folder.makeFilm('a.mp4')
    await folder.makeFilm('b.mp4')
    const [a, b] = [await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv'), await planQuick(folder, 'b.mp4', 'b.mp4', 'b.mkv')]
    await leaveRun('dead', [
      { plan: a, state: 'encode' },
      { plan: b, state: 'queued' },
    ])
    await writeFile(folder.at('b.mkv'), 'somebody else’s')
    expect(await resume()).toBe(1)
    expect(await folder.films()).toEqual(['a.mkv', 'b.mkv', 'b.mp4'])
    expect(folder.eventsOf('job.failed')).toMatchObject([{ file: folder.at('b.mp4'), reason: expect.stringContaining('exists already') }])
    expect(folder.eventsOf('job.stage').filter(({ job }) => job.endsWith('-2'))).toEqual([])
  })
})

/** A dead run whose result stands under its name, while the source is still there. */
async function leaveHalfReplaced(): Promise<JobPlan> {
  await folder.makeFilm('a.mp4')
  const plan = { ...(await planQuick(folder, 'a.mp4', 'a.mp4', 'a.mkv')), queueFile: folder.at('queue') }
  await writeFile(folder.at('.encode-1.mkv'), 'the result')
  await utimes(folder.at('.encode-1.mkv'), new Date(), new Date(plan.source.mtimeMs))
  await link(folder.at('.encode-1.mkv'), folder.at('a.mkv'))
  await leaveRun('dead', [{ plan, state: 'replace', fields: { temporary: folder.at('.encode-1.mkv'), outputBytes: 10 } }])
  await rm(folder.at('.encode-1.mkv'))
  return plan
}

async function leaveRun(id: string, jobs: readonly object[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const program = join(import.meta.dirname, '../fixtures/dead-run.ts')
  await run(process.execPath, [program, folder.at('state'), id], {
    env: { ...process.env, NODE_OPTIONS: '', JOBS: JSON.stringify(jobs), ...env },
  })
}

async function runQueue(): Promise<number> {
  return await runEncode({ ...PLAIN_REQUEST, config: QUICK_CONFIG, queueFile: folder.at('queue') }, toWorld())
}

async function resume(config: Config = QUICK_CONFIG): Promise<number> {
  return await resumeRun({ config, onlyHosts: [], isSequential: false, strategy: 'fastest', argv: ['resume'] }, toWorld())
}

function toWorld(): RunWorld {
  return toRunWorld(folder.path, (event) => folder.events.push(event))
}

async function sizeOf(name: string): Promise<number> {
  return (await stat(folder.at(name))).size
}
