import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHostConfig } from '../../../src/host/create-host-config.ts'
import type { Host, HostFacts } from '../../../src/host/host.ts'
import type { FinishedSize } from '../../../src/ledger/finished-jobs.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import type { JobPlan } from '../../../src/model/plan.ts'
import type { OpenHost } from '../../../src/run/hosts/host-session.ts'
import { createRunSpace } from '../../../src/run/space/run-space.ts'
import type { Room } from '../../../src/scheduler/room.ts'
import { createPlan } from '../../fixtures/job-plan.ts'

const MB = 1e6

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-space-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('the space of a run', () => {
  test('a streaming host needs room for source and result', async () => {
    await using bench = createBench({ type: 'streaming', minFreeBytes: 10 * MB })
    bench.setFree(209.9 * MB)
    expect(await bench.ask(bench.film(100 * MB))).toEqual({
      place: expect.any(String),
      said: 'Host "box" has 210 MB free in "/spare"; 200 MB are needed there beside the 10.0 MB that stay free ("min_free" of host "box")',
    })
    bench.setFree(210 * MB)
    expect(await bench.askAgain(bench.film(100 * MB))).toBe('yes')
  })

  test('a job under way keeps its room, until it is over and the host was measured again', async () => {
    await using bench = createBench({ type: 'streaming', minFreeBytes: 0 })
    bench.setFree(300 * MB)
    expect(await bench.ask(bench.film(100 * MB))).toBe('yes')
    const first = bench.space.reserve(bench.film(100 * MB), bench.worker)
    expect(await bench.ask(bench.film(100 * MB))).toMatchObject({
      said: expect.stringContaining('300 MB free in "/spare", 200 MB of it for jobs under way'),
    })
    const asked = bench.asked()
    first.release()
    expect(await bench.ask(bench.film(100 * MB))).toBe('yes')
    expect(bench.asked()).toBe(asked + 1)
  })

  test('what a host told as it came up need not be asked again, unless it is busy by then', async () => {
    await using bench = createBench({ type: 'streaming', minFreeBytes: 0 })
    bench.hostUp(300 * MB)
    expect(await bench.ask(bench.film(100 * MB))).toBe('yes')
    expect(bench.asked()).toBe(0)
    bench.space.reserve(bench.film(100 * MB), bench.worker)
    bench.hostUp(900 * MB)
    bench.setFree(300 * MB)
    expect(await bench.ask(bench.film(100 * MB))).toMatchObject({ said: expect.stringContaining('300 MB free') })
  })

  test('a mounted host writes beside the source: its working folder does not matter', async () => {
    await using bench = createBench({ type: 'mounted', minFreeBytes: 0 })
    bench.setFree(0)
    expect(await bench.ask(bench.film(100))).toBe('yes')
    expect(bench.asked()).toBe(0)
  })

  test('a mounted host that does not see the folder of the results needs room for them', async () => {
    await using bench = createBench({ type: 'mounted', minFreeBytes: 0 })
    await mkdir(join(folder, 'out'))
    const elsewhere = { ...bench.film(100), output: join(folder, 'out', 'season 1', 'a.mkv') }
    bench.setFree(99)
    expect(await bench.ask(elsewhere)).toMatchObject({ said: expect.stringContaining('100 B are needed there') })
    bench.seen.add(join(folder, 'out'))
    await using other = createBench({ type: 'mounted', minFreeBytes: 0 })
    other.setFree(99)
    other.seen.add(join(folder, 'out'))
    expect(await other.ask(elsewhere)).toBe('yes')
  })

  test('this machine needs room where the result will stand, in a folder that is not made yet, too', async () => {
    await using bench = createBench({ type: 'local' })
    const huge = { ...bench.film(1e18), output: join(folder, 'not', 'made', 'a.mkv') }
    expect(await bench.ask(huge)).toMatchObject({ said: expect.stringMatching(/^The disk of ".*" has .* free; 1000 PB are needed there/) })
    expect(await bench.ask({ ...bench.film(1), output: huge.output })).toBe('yes')
  })

  test('a host that does not tell its free space, or cannot be asked, is taken as it is', async () => {
    await using bench = createBench({ type: 'streaming' })
    bench.setFree(undefined)
    expect(await bench.ask(bench.film(1000))).toBe('yes')
    await using broken = createBench({ type: 'streaming' })
    broken.fail()
    expect(await broken.ask(broken.film(1000))).toBe('yes')
  })

  test('a host that is being opened again is looked at by and by', async () => {
    await using bench = createBench({ type: 'streaming' })
    bench.setFree(1000 * MB)
    bench.close()
    expect(bench.space.look(bench.film(1), bench.worker)).toBe('asking')
    const woken = bench.nextWake()
    bench.wakeSleepers()
    await woken
    bench.reopen()
    expect(await bench.ask(bench.film(1))).toBe('yes')
  })

  test('what results became in earlier runs, and what this one became under its job, is what the next needs', async () => {
    await using bench = createBench({ type: 'streaming', minFreeBytes: 0 }, [{ sourceBytes: 100 * MB, resultBytes: 10 * MB }])
    bench.setFree(112 * MB)
    const film = bench.film(100 * MB)
    expect(await bench.ask(film)).toBe('yes')
    const attempt = bench.space.reserve(film, bench.worker)
    attempt.report('encode', 25 * MB, 50)
    attempt.release()
    expect(await bench.ask(film)).toMatchObject({ said: expect.stringContaining('150 MB are needed') })
    expect(await bench.ask(bench.film(100 * MB, 'other'))).toBe('yes')
  })

  test('jobs that wait are told of once for each place, and are looked at again by and by', async () => {
    await using bench = createBench({ type: 'streaming' })
    bench.setFree(0)
    const room = await bench.ask(bench.film(1))
    if (typeof room === 'string') throw new Error(`There is room: ${room}`)
    bench.space.onLack(bench.film(1), [room])
    bench.space.onLack(bench.film(2), [room])
    expect(bench.warnings).toEqual([`${room.said}: "${join(folder, 'film.mp4')}" waits for room`])
    const woken = bench.nextWake()
    bench.wakeSleepers()
    await woken
  })
})

function createBench(config: Pick<HostConfig, 'type'> & Partial<HostConfig>, finished: readonly FinishedSize[] = []) {
  const hostConfig = createHostConfig({ name: 'box', address: '192.0.2.1', ...config })
  const over = new AbortController()
  const seen = new Set<string>()
  const warnings: string[] = []
  const sleepers: (() => void)[] = []
  let nowMs = 0
  let asked = 0
  let isOpen = true
  let answer: () => Promise<number | undefined> = async () => undefined
  let { promise: woken, resolve: wake } = Promise.withResolvers<void>()
  const host = {
    config: hostConfig,
    freeBytes: async () => {
      asked += 1
      return await answer()
    },
    statFile: async (path: string) => (seen.has(path) ? { kind: 'folder', sizeBytes: 0 } : undefined),
  } as Partial<Host> as Host
  const open: OpenHost = { host, facts: { workingDir: '/spare' } as HostFacts, workFolder: async () => '/spare/run' } as OpenHost
  const space = createRunSpace({
    runId: 'run',
    ledger: { finishedSizes: () => finished, hasOtherWork: () => false },
    openHost: () => (isOpen ? open : undefined),
    flsPath: undefined,
    minFreeBytes: 256 * MB,
    clock: { now: () => nowMs, sleep: () => new Promise((resolve) => sleepers.push(resolve)) },
    signal: over.signal,
    emit: (event, fields) => {
      if (event === 'warning' && 'message' in fields) warnings.push(fields.message)
    },
    wake: () => wake(),
  })
  const worker = { cluster: 'home', name: 'box', queues: { _default: 1 }, profiles: undefined }

  /** As the scheduler does: as often as it is woken. */
  async function ask(plan: JobPlan): Promise<Room> {
    for (;;) {
      const next = nextWake()
      const room = space.look(plan, worker)
      if (room !== 'asking') return room
      await next
    }
  }

  function nextWake(): Promise<void> {
    ;({ promise: woken, resolve: wake } = Promise.withResolvers<void>())
    return woken
  }

  return {
    space,
    worker,
    seen,
    warnings,
    ask,
    nextWake,
    asked: () => asked,
    wakeSleepers() {
      for (const resolve of sleepers.splice(0)) resolve()
    },
    askAgain(plan: JobPlan) {
      nowMs += 3_000
      return ask(plan)
    },
    hostUp(freeBytes: number) {
      space.hostUp({ host, facts: { ...open.facts, freeBytes } }, worker)
    },
    setFree(freeBytes: number | undefined) {
      answer = async () => freeBytes
    },
    close() {
      isOpen = false
    },
    reopen() {
      isOpen = true
    },
    fail() {
      answer = () => Promise.reject(new Error('gone'))
    },
    film(sizeBytes: number, id = 'job'): JobPlan {
      const plan = createPlan(id, join(folder, 'film.mp4'))
      return { ...plan, source: { ...plan.source, sizeBytes } }
    },
    async [Symbol.asyncDispose]() {
      over.abort()
    },
  }
}
