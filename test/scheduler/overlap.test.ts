import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ScheduledJob } from '../../src/scheduler/job-form.ts'
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts'
import { DONE, failed, job, worker } from './scheduler-bench.ts'
import { createStagedBench } from './staged-bench.ts'

const box = worker('box', { _default: 1 })
const other = worker('other', { _default: 1 })
const knownSpeed = (name: string, workPerSecond: number) => ({ cluster: 'home', name, profile: 'hevc', workPerSecond })
const oneAhead: Partial<SchedulerOptions<ScheduledJob>> = { strategy: 'round-robin', ahead: () => 1 }

describe('a job ahead of its slot', () => {
  test('is placed while another one encodes, and encodes when that one has', async () => {
    const bench = createStagedBench(oneAhead)
    bench.up(box)
    bench.add(job('1'), job('2'), job('3'))
    expect(bench.stages()).toEqual(['1 box coming', '2 box coming'])
    await bench.arrive('1')
    await bench.arrive('2')
    expect(bench.stages()).toEqual(['1 box encoding', '2 box waiting'])
    await bench.release('1')
    expect(bench.stages()).toEqual(['1 box leaving', '2 box encoding', '3 box coming'])
    await bench.endAll()
    expect(bench.settled).toEqual(['1 done', '2 done', '3 done'])
  })

  test('goes before one that was placed earlier and whose source is still on its way', async () => {
    const bench = createStagedBench(oneAhead)
    bench.up(box)
    bench.add(job('1'), job('2'))
    await bench.arrive('2')
    expect(bench.stages()).toEqual(['1 box coming', '2 box encoding'])
    await bench.endAll()
  })

  test('that can begin before its source is there gets a slot that nobody has more use for, before another job is placed in it', async () => {
    const bench = createStagedBench(oneAhead)
    bench.up(worker('wide', { _default: 2 }))
    bench.add(job('1'), job('2'), job('3'), job('4'), job('5'))
    await bench.arrive('1')
    await bench.arrive('2')
    const [third] = bench.live.filter((staged) => staged.job === '3')
    const { lease } = third?.attempt ?? {}
    let isGranted = false
    void lease?.takeEarly().then(() => {
      isGranted = true
    })
    await bench.arrive('4')
    await bench.release('1')
    expect([bench.stages()[2], isGranted]).toEqual(['3 wide coming', false])
    expect(bench.stages()).toContain('4 wide encoding')
    await bench.release('2')
    expect([isGranted, lease?.hasSlot]).toEqual([true, true])
    await bench.endAll()
    expect(bench.settled.length).toBe(5)
  })

  test('is not placed while a host with a free slot is there', async () => {
    const bench = createStagedBench(oneAhead)
    bench.up(box, other)
    bench.add(job('1'), job('2'), job('3'))
    expect(bench.stages()).toEqual(['1 box coming', '2 other coming', '3 box coming'])
    await bench.endAll()
  })

  test('is none where one job runs at a time: the next begins when nothing is left of it', async () => {
    const bench = createStagedBench({ ...oneAhead, maxRunning: 1 })
    bench.up(box, other)
    bench.add(job('1'), job('2'))
    await bench.arrive('1')
    await bench.release('1')
    expect(bench.stages()).toEqual(['1 box leaving'])
    await bench.end('1', DONE)
    expect(bench.stages()).toEqual(['2 other coming'])
    await bench.endAll()
  })

  test('encodes no sooner than as many jobs may at a time over all hosts', async () => {
    const bench = createStagedBench({ ...oneAhead, maxRunning: 2 })
    bench.up(box, other, worker('third', { _default: 1 }))
    bench.add(job('1'), job('2'), job('3'))
    for (const id of ['1', '2', '3']) await bench.arrive(id)
    expect(bench.stages().filter((stage) => stage.endsWith('encoding'))).toHaveLength(2)
    await bench.endAll()
    expect(bench.peakEncoding()).toBe(2)
  })

  test('is not begun behind many results that are still on their way', async () => {
    const bench = createStagedBench(oneAhead)
    bench.up(box)
    bench.add(...['1', '2', '3', '4', '5', '6'].map(job))
    for (const id of ['1', '2', '3']) {
      await bench.arrive(id)
      await bench.release(id)
    }
    await bench.arrive('4')
    expect(bench.stages()).toEqual(['1 box leaving', '2 box leaving', '3 box leaving', '4 box waiting'])
    await bench.end('1', DONE)
    expect(bench.stages()).toContain('4 box encoding')
    await bench.endAll()
  })
})

test('an idle slot gets a job that is soon there, and the long one comes while that is encoded', async () => {
  const knownLinks = [{ cluster: 'home', name: 'box', bytesPerSecond: 10 }]
  const bench = createStagedBench({ ahead: () => 1, knownSpeeds: [knownSpeed('box', 1)], knownLinks })
  bench.up(worker('box', { _default: 2 }))
  const short = Array.from({ length: 20 }, (_, index) => ({ ...job(`short${index}`), work: 100, fetchBytes: 10, transferBytes: 15 }))
  bench.add({ ...job('long'), work: 1000, fetchBytes: 500, transferBytes: 750 }, ...short)
  expect(bench.stages()).toEqual(['short0 box coming', 'short1 box coming', 'long box coming'])
  await bench.endAll()
})

test('an attempt is told what is known of the link of its host, if anything is', async () => {
  const knownLinks = [{ cluster: 'home', name: 'box', bytesPerSecond: 10 }]
  const bench = createStagedBench({ knownLinks })
  bench.up(worker('box', { _default: 1 }), worker('new', { _default: 1 }))
  bench.add(job('1'), job('2'))
  const links = bench.live.map(({ worker: name, attempt }) => [name, attempt.linkBytesPerSecond])
  expect(links.toSorted()).toEqual([
    ['box', 10],
    ['new', undefined],
  ])
  await bench.endAll()
})

test('a long job goes where it is over later rather than wait for a host on which it would make another one late', async () => {
  const bench = createStagedBench({
    ahead: () => 1,
    knownSpeeds: [knownSpeed('wide', 1), knownSpeed('quick', 1.3)],
    knownLinks: [
      { cluster: 'home', name: 'wide', bytesPerSecond: 3 },
      { cluster: 'home', name: 'quick', bytesPerSecond: 1.7 },
    ],
  })
  bench.up(worker('wide', { _default: 2 }), worker('quick', { _default: 1 }))
  const film = (id: string, work: number) => ({ ...job(id), work, fetchBytes: work, transferBytes: work * 1.4 })
  bench.add(film('longest', 600), film('long', 590))
  expect(bench.stages()).toEqual(['longest wide coming', 'long quick coming'])
  await bench.endAll()
})

describe('a job that waits for a slot is withdrawn, which counts against nobody,', () => {
  const placed = async (options: Partial<SchedulerOptions<ScheduledJob>> = {}) => {
    const bench = createStagedBench({ ...oneAhead, ...options })
    bench.up(box)
    bench.add(job('1'), job('2'))
    await bench.arrive('1')
    await bench.arrive('2')
    return bench
  }

  test('when the run is drained: it stays queued', async () => {
    const draining = new AbortController()
    const bench = await placed({ draining: draining.signal })
    draining.abort()
    await bench.settle()
    expect(bench.stages()).toEqual(['1 box encoding'])
    expect(bench.withdrawn).toEqual(['2 box Nothing more is started'])
    await bench.end('1', DONE)
    expect((await bench.scheduler.drained).map(({ id }) => id)).toEqual(['2'])
  })

  test('when its host leaves, and goes to another one', async () => {
    const bench = await placed()
    bench.up(other)
    bench.scheduler.setWorker(box, 'gone')
    await bench.settle()
    expect(bench.stages()).toEqual(['1 box encoding', '2 other coming'])
    await bench.endAll()
    expect(bench.settled.sort()).toEqual(['1 done', '2 done'])
  })

  test('when its host is lost: the loss is that of the job that met it', async () => {
    const bench = await placed()
    await bench.end('1', failed('lost', 'no route'))
    expect(bench.withdrawn).toEqual(['2 box Host "box" was lost'])
    expect(bench.retried).toEqual(['1 box no route'])
    bench.scheduler.setWorker(box, 'up')
    await bench.endAll()
    expect(bench.settled.sort()).toEqual(['1 done', '2 done'])
  })

  test('when its host is set aside', async () => {
    const bench = await placed({ maxFailures: 1 })
    bench.up(other)
    await bench.end('1', failed('elsewhere', 'bad card'))
    expect(bench.withdrawn).toEqual(['2 box Host "box" gets no more jobs'])
    await bench.endAll()
    expect(bench.settled.sort()).toEqual(['1 done', '2 done'])
  })

  test('when the host that is idle would have done it sooner, once', async () => {
    const bench = await placed({ strategy: 'fastest', knownSpeeds: [knownSpeed('box', 1), knownSpeed('other', 10)] })
    bench.up(other)
    await bench.settle()
    expect(bench.withdrawn).toEqual(['2 box Host "other" is idle, and will have done it sooner'])
    expect(bench.stages()).toContain('2 other coming')
    await bench.endAll()
    expect(bench.settled.sort()).toEqual(['1 done', '2 done'])
  })

  test('when the run is aborted', async () => {
    const bench = await placed()
    bench.abort.abort()
    await bench.settle()
    expect(bench.stages()).toEqual(['1 box encoding'])
    await bench.end('1', { kind: 'interrupted' })
    expect((await bench.scheduler.drained).map(({ id }) => id)).toEqual(['1', '2'])
    expect(bench.withdrawn).toEqual([])
  })
})

describe('a second attempt', () => {
  const knownSpeeds = [knownSpeed('box', 1), knownSpeed('other', 10)]
  const copied = async () => {
    const bench = createStagedBench({ strategy: 'fastest', knownSpeeds })
    bench.up(box)
    bench.add(job('1'))
    await bench.arrive('1')
    bench.up(other)
    return bench
  }

  test('is begun where it ends well before the first', async () => {
    const bench = await copied()
    expect(bench.stages()).toEqual(['1 box encoding', '1 other coming (copy)'])
    expect(bench.numbers()).toEqual([1, 2])
    await bench.endAll()
  })

  test('is not begun where it would end little sooner, or where other jobs wait', async () => {
    const bench = createStagedBench({ strategy: 'fastest', knownSpeeds: [knownSpeed('box', 9), knownSpeed('other', 10)] })
    bench.up(box)
    bench.add(job('1'))
    await bench.arrive('1')
    bench.up(other)
    expect(bench.stages()).toEqual(['1 box encoding'])
    bench.add({ ...job('2'), work: 50 })
    expect(bench.stages()).toEqual(['1 box encoding', '2 other coming'])
    await bench.endAll()
  })

  test('is not begun on an idle host where a quick one that is busy will end it sooner, but there, once it is idle', async () => {
    const bench = createStagedBench({
      strategy: 'fastest',
      knownSpeeds: [knownSpeed('box', 1), knownSpeed('quick', 10), knownSpeed('other', 2)],
    })
    bench.up(worker('quick', { _default: 1 }))
    bench.add(job('2'))
    await bench.arrive('2')
    const [busy] = bench.live
    busy?.attempt.pace.expectEnd(110)
    bench.up(box)
    bench.add(job('1'))
    await bench.arrive('1')
    busy?.attempt.pace.expectEnd(10)
    bench.up(other)
    expect(bench.stages()).toEqual(['2 quick encoding', '1 box encoding'])
    await bench.end('2', DONE)
    expect(bench.stages()).toEqual(['1 box encoding', '1 quick coming (copy)'])
    await bench.endAll()
    expect(bench.settled).toEqual(['2 done', '1 done'])
  })

  test('is begun before those that wait where the first will be over after all of them could be', async () => {
    const bench = createStagedBench({ strategy: 'fastest', knownSpeeds: [knownSpeed('box', 1), knownSpeed('other', 10)] })
    bench.up(box)
    bench.add({ ...job('long'), work: 1000 }, ...['1', '2', '3'].map(job))
    await bench.arrive('long')
    bench.up(other)
    expect(bench.stages()).toEqual(['long box encoding', 'long other coming (copy)'])
    await bench.endAll()
    expect(bench.settled.toSorted()).toEqual(['1 done', '2 done', '3 done', 'long done'])
  })

  test('is begun where a result needs longer over its link than all of the job elsewhere', async () => {
    const knownLinks = [{ cluster: 'home', name: 'box', bytesPerSecond: 1 }]
    const bench = createStagedBench({ knownLinks, knownSpeeds: [knownSpeed('box', 10), knownSpeed('other', 1)] })
    bench.up(box)
    bench.add({ ...job('1'), fetchBytes: 10, transferBytes: 1000 })
    await bench.arrive('1')
    await bench.release('1')
    expect(bench.stages()).toEqual(['1 box leaving'])
    bench.up(other)
    expect(bench.stages()).toEqual(['1 box leaving', '1 other coming (copy)'])
    await bench.end('1', DONE, 'box')
    expect(bench.stages(), 'the first one was sooner after all').toEqual([])
    expect(bench.settled).toEqual(['1 done'])
    bench.scheduler.seal()
    await bench.scheduler.drained
  })

  test('that claims its result first wins: the other one is withdrawn, and the job has ended once', async () => {
    const bench = await copied()
    await bench.arrive('1', 'other')
    await bench.release('1', 'other')
    await bench.end('1', DONE, 'other')
    expect(bench.stages()).toEqual([])
    expect(bench.settled).toEqual(['1 done'])
    bench.scheduler.seal()
    await bench.scheduler.drained
  })

  test('goes on where the first one fails, and the job is not tried a third time meanwhile', async () => {
    const bench = await copied()
    await bench.end('1', failed('lost', 'no route'), 'box')
    expect(bench.stages()).toEqual(['1 other coming (copy)'])
    expect(bench.retried).toEqual([])
    await bench.end('1', DONE, 'other')
    expect(bench.settled).toEqual(['1 done'])
  })

  test('that fails after the first one did leaves the job to the ordinary rules', async () => {
    const bench = await copied()
    await bench.end('1', failed('elsewhere', 'bad disk'), 'box')
    await bench.end('1', failed('elsewhere', 'bad card'), 'other')
    expect(bench.settled).toEqual(['1 failed'])
  })

  test('that lost against one whose result then found no place leaves the job to be tried again', async () => {
    const bench = await copied()
    expect(bench.claim('1', 'box')).toBe(true)
    expect(bench.claim('1', 'other')).toBe(false)
    await bench.end('1', failed('lost', 'cut off'), 'box')
    await bench.settle()
    expect(bench.retried).toEqual(['1 box cut off'])
    await bench.endAll()
    expect(bench.settled).toEqual(['1 done'])
  })
})

test('whatever hosts do, and whatever is withdrawn: every job ends once, in one place but for a copy, and no host encodes more than it has slots', async () => {
  const anyRun = fc.record({
    hosts: fc.array(fc.record({ slots: fc.integer({ min: 1, max: 2 }), speed: fc.integer({ min: 1, max: 20 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    works: fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 12 }),
    strategy: fc.constantFrom('fastest' as const, 'round-robin' as const),
    maxRunning: fc.integer({ min: 1, max: 5 }),
    steps: fc.infiniteStream(fc.record({ which: fc.nat(), ms: fc.nat({ max: 60_000 }), dice: fc.nat({ max: 19 }) })),
  })
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ hosts, works, strategy, maxRunning, steps }) => {
      const specs = hosts.map(({ slots }, index) => worker(`h${index}`, { _default: slots }))
      const knownSpeeds = hosts.map(({ speed }, index) => knownSpeed(`h${index}`, speed))
      const bench = createStagedBench({ strategy, maxRunning, knownSpeeds, ahead: () => 1, maxFailures: 0 })
      bench.up(...specs)
      bench.add(...works.map((work, index) => ({ ...job(String(index)), work })))
      bench.scheduler.seal()
      for (const { which, ms, dice } of steps) {
        const staged = bench.live[which % Math.max(1, bench.live.length)]
        if (staged === undefined) break
        bench.clock.nowMs += ms
        const host = specs[Number(staged.worker.slice(1))] ?? box
        if (dice === 0) await bench.endOf(staged, failed('elsewhere', 'bad luck'))
        else if (dice === 1) await bench.endOf(staged, failed('lost', 'reset'))
        else if (dice === 2) bench.scheduler.setWorker(host, 'expected')
        else if (staged.stage === 'coming') await bench.arriveAt(staged)
        else if (staged.stage === 'encoding') await bench.releaseOf(staged)
        else if (staged.stage === 'leaving') await bench.endOf(staged, DONE)
        if (dice < 6) for (const spec of specs) bench.scheduler.setWorker(spec, 'up')
        await bench.settle()
        for (const spec of specs) {
          const encoding = bench.live.filter((one) => one.worker === spec.name && one.stage === 'encoding')
          expect(encoding.length).toBeLessThanOrEqual(Object.values(spec.queues ?? {})[0] ?? 0)
        }
        expect(bench.live.filter(({ stage }) => stage === 'encoding').length).toBeLessThanOrEqual(maxRunning)
        const first = bench.live.filter(({ attempt }) => !attempt.isCopy).map(({ job: id }) => id)
        expect(new Set(first).size).toBe(first.length)
      }
      expect(bench.live).toEqual([])
      expect(bench.settled.map((told) => told.split(' ')[0]).sort()).toEqual(works.map((_, index) => String(index)).sort())
    }),
    { numRuns: 60 },
  )
})
