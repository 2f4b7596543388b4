import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandomCluster } from '../../bench/random-cluster.ts'
import { simulateRun } from '../../bench/simulate-run.ts'
import { findLowerBound } from '../../bench/simulated-bound.ts'
import { findArea, findFinish } from '../../src/scheduler/finish-line.ts'
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts'
import { createBench, DONE, failed, form, job, worker } from './scheduler-bench.ts'

const sized = (id: string, work: number) => ({ ...job(id), work })
const knownSpeed = (name: string, workPerSecond: number) => ({ cluster: 'home', name, profile: 'hevc', workPerSecond })

describe('fastest, with speeds that are known', () => {
  const knownSpeeds = [knownSpeed('quick', 10), knownSpeed('slow', 1)]
  const [quick, slow] = [worker('quick', { _default: 1 }), worker('slow', { _default: 1 })]

  test('the longest job goes first, and to the host that ends it soonest', async () => {
    const bench = createBench({ knownSpeeds })
    bench.up(slow, quick)
    bench.add(sized('short', 10), sized('long', 1000), sized('middle', 50))
    expect(bench.forms.slice(0, 2)).toEqual(['long quick hevc', 'middle slow hevc'])
    await bench.finishAll(DONE)
  })

  test('a slow host is left idle where the last job would end later on it than behind another one on the quick host', async () => {
    const bench = createBench({ knownSpeeds })
    bench.up(slow, quick)
    bench.add(sized('1', 100), sized('2', 100))
    expect(bench.forms).toEqual(['1 quick hevc'])
    bench.clock.nowMs += 10_000
    await bench.finish('quick', DONE)
    expect(bench.forms).toEqual(['1 quick hevc', '2 quick hevc'])
    await bench.finishAll(DONE)
  })

  test('the slow host gets it after all when the quick one takes far longer than expected, though nothing ends', async () => {
    const bench = createBench({ knownSpeeds })
    bench.up(slow, quick)
    bench.add(sized('1', 100), sized('2', 100))
    await bench.clock.advance(60 * 60_000)
    expect(bench.running()).toEqual({ quick: 1, slow: 1 })
    await bench.finishAll(DONE)
    expect(bench.clock.sleeping()).toBe(0)
  })

  test('the slow host gets it at once when the quick one is lost', async () => {
    const bench = createBench({ knownSpeeds })
    bench.up(slow, quick)
    bench.add(sized('1', 100), sized('2', 100))
    await bench.finish('quick', failed('lost', 'no route'))
    expect(bench.running()).toEqual({ slow: 1 })
    bench.scheduler.setWorker(quick, 'gone')
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(['done', 'done'])
  })

  test('what a running job tells of its end counts more than what was expected of it', async () => {
    let tell: ((leftSeconds: number) => void) | undefined
    const ends: (() => void)[] = []
    const bench = createBench({
      knownSpeeds,
      runJob: (_job, _worker, { pace, lease }) => {
        void lease.take()
        tell ??= pace.expectEnd
        return new Promise((end) => {
          ends.push(() => end(DONE))
          // A host that is idle while the other one has not ended yet relieves it.
          lease.withdrawn.addEventListener('abort', () => end({ kind: 'interrupted' }), { once: true })
        })
      },
    })
    bench.up(slow, quick)
    bench.add(sized('1', 100), sized('2', 100))
    expect(ends).toHaveLength(1)
    tell?.(500)
    bench.scheduler.wake()
    expect(ends).toHaveLength(2)
    for (const end of ends) end()
    bench.scheduler.seal()
    await bench.scheduler.drained
  })

  test('jobs whose only host is still on its way hold up no others', async () => {
    const bench = createBench({ knownSpeeds })
    const late = worker('late', { gpu: 1 })
    bench.scheduler.expectWorker(late)
    bench.up(slow, quick)
    const elsewhere = { ...sized('gpu', 100), profile: 'cuda', forms: [form({ name: 'cuda', queues: ['gpu'] })] }
    bench.add(elsewhere, sized('long', 1000), sized('short', 10))
    expect(bench.forms).toEqual(['long quick hevc', 'short slow hevc'])
    bench.scheduler.setWorker(late, 'up')
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(['done', 'done', 'done'])
  })

  test('a slow link makes a host slow', async () => {
    const knownLinks = [{ cluster: 'home', name: 'quick', bytesPerSecond: 1 }]
    const bench = createBench({ knownSpeeds, knownLinks })
    bench.up(slow, quick)
    bench.add({ ...sized('1', 100), transferBytes: 1000 })
    expect(bench.running()).toEqual({ slow: 1 })
    await bench.finishAll(DONE)
  })

  test('a job that only few hosts can take is not kept waiting by longer ones for which there are others', async () => {
    const bench = createBench({ knownSpeeds: [...knownSpeeds, { ...knownSpeed('quick', 10), profile: 'gpu' }] })
    bench.up(worker('quick', { _default: 1, gpu: 1 }), slow)
    bench.add(sized('1', 100), { ...sized('2', 10), profile: 'gpu', forms: [form({ queues: ['gpu'] })] })
    expect(bench.running()).toEqual({ quick: 2 })
    await bench.finishAll(DONE)
  })
})

describe('fastest, with hosts of which nothing is known', () => {
  test('each gets one short job first', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    bench.add(sized('1', 50), sized('2', 40), sized('3', 10), sized('4', 20))
    expect(bench.forms).toEqual(['3 a hevc', '4 b hevc'])
    await bench.finishAll(DONE)
  })

  test('what their first jobs tell counts at once: the slow one does not begin what the quick one will do sooner', async () => {
    const bench = createBench({})
    bench.up(worker('slow', { _default: 1 }), worker('quick', { _default: 1 }))
    const short = Array.from({ length: 300 }, (_, index) => sized(`short${index}`, 10))
    bench.add(sized('long', 1000), sized('longer', 2000), ...short)
    bench.clock.nowMs += 1_000
    await bench.finish('quick', DONE)
    bench.clock.nowMs += 9_000
    await bench.finish('slow', DONE)
    expect(bench.forms).toEqual(['short0 slow hevc', 'short1 quick hevc', 'longer quick hevc', 'short2 slow hevc'])
    await bench.finishAll(DONE)
  })

  test('what was learned is handed over to be remembered', async () => {
    const speeds: number[] = []
    const bench = createBench({ onSpeed: ({ workPerSecond }) => speeds.push(workPerSecond) })
    bench.up(worker('a', { _default: 1 }))
    bench.add(sized('1', 100))
    bench.clock.nowMs += 10_000
    await bench.finish('a', DONE)
    expect(speeds).toEqual([10])
    await bench.finishAll(DONE)
  })
})

test('with one slot the order is the one in which jobs were added', async () => {
  const bench = createBench({})
  bench.up(worker('only', { _default: 1 }))
  bench.add(sized('1', 1), sized('2', 3), sized('3', 2))
  await bench.finishAll(DONE)
  expect(bench.settled.map(([id]) => id)).toEqual(['1', '2', '3'])
})

test('a short job has its turn however many longer ones are added', async () => {
  const bench = createBench({ knownSpeeds: [knownSpeed('box', 1)] })
  bench.up(worker('box', { _default: 2 }))
  bench.add(sized('a', 10), sized('b', 10), sized('short', 1))
  for (let added = 0; added < 10; added += 1) {
    bench.add(sized(`long${added}`, 100))
    await bench.finish('box', DONE)
  }
  expect(bench.forms).toContain('short box hevc')
  await bench.finishAll(DONE)
})

test('whatever hosts, jobs, rooms and failures: nothing waits while nothing runs, and every job ends once', async () => {
  const anyJob = fc.record({
    work: fc.integer({ min: 1, max: 1000 }),
    queue: fc.constantFrom('cpu', 'gpu'),
    profile: fc.constantFrom('a', 'b'),
  })
  const anyHost = fc.record({
    slots: fc.record({ cpu: fc.integer({ min: 0, max: 3 }), gpu: fc.integer({ min: 0, max: 2 }) }),
    speed: fc.integer({ min: 1, max: 50 }),
    isKnown: fc.boolean(),
    hasRoom: fc.boolean(),
    maxJobs: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  })
  const anyRun = fc.record({
    hosts: fc.array(anyHost, { minLength: 1, maxLength: 5 }),
    jobs: fc.array(anyJob, { minLength: 1, maxLength: 25 }),
    maxRunning: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    ends: fc.infiniteStream(fc.record({ which: fc.nat(), ms: fc.integer({ min: 0, max: 100_000 }), dice: fc.integer({ min: 0, max: 9 }) })),
  })
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ hosts, jobs, maxRunning, ends }) => {
      const specs = hosts.map(({ slots, maxJobs }, index) => ({ ...worker(`h${index}`, slots), maxJobs }))
      const profiles = ['a', 'b']
      const options: Partial<SchedulerOptions<ReturnType<typeof job>>> = {
        maxFailures: 0,
        knownSpeeds: hosts.flatMap(({ speed, isKnown }, index) =>
          isKnown ? profiles.map((profile) => ({ ...knownSpeed(`h${index}`, speed), profile })) : [],
        ),
        room: {
          look: (_job, { name }) => (hosts[Number(name.slice(1))]?.hasRoom === true ? 'yes' : { place: name, said: `${name} is full` }),
          onLack: () => {},
          mayCome: () => false,
        },
      }
      const bench = createBench(maxRunning === undefined ? options : { ...options, maxRunning })
      bench.up(...specs)
      bench.add(
        ...jobs.map(({ work, queue, profile }, index) => ({ ...sized(String(index), work), profile, forms: [form({ queues: [queue] })] })),
      )
      bench.scheduler.seal()
      let isDrained = false
      void bench.scheduler.drained.then(() => {
        isDrained = true
      })
      for (const { which, ms, dice } of ends) {
        await Promise.resolve()
        const names = Object.keys(bench.running())
        if (names.length === 0) break
        const name = names[which % names.length] ?? ''
        bench.clock.nowMs += ms
        await bench.finish(name, dice === 0 ? failed('elsewhere', 'bad luck') : dice === 1 ? failed('lost', 'reset') : DONE)
        const spec = specs[Number(name.slice(1))]
        if (dice === 1 && spec !== undefined) bench.scheduler.setWorker(spec, 'up')
      }
      expect(isDrained || bench.settled.length === jobs.length).toBe(true)
      expect(new Set(bench.settled.map(([id]) => id)).size).toBe(jobs.length)
      expect(bench.settled).toHaveLength(jobs.length)
    }),
    { numRuns: 300 },
  )
})

describe('the finish line', () => {
  const slots = (...speeds: readonly number[]) => speeds.map((speed) => ({ freeSeconds: 0, speed }))
  const waiting = (...works: readonly number[]) => ({
    count: works.length,
    total: works.reduce((sum, work) => sum + work, 0),
    longest: Math.max(0, ...works),
    list: () => works,
  })

  test('with many jobs is where the work of all slots is as large as theirs', () => {
    expect(findFinish([...slots(1, 3), { freeSeconds: 10, speed: 4 }], waiting(...Array<number>(100).fill(1)))).toBeCloseTo(17.5)
  })

  test('with few is the time by which they can be packed', () => {
    expect(findFinish(slots(1, 1), waiting(2, 2, 2))).toBeCloseTo(4, 1)
    expect(findFinish(slots(1, 10), waiting(100, 100))).toBeCloseTo(20, 0)
  })

  test('is the same, whatever it was thought to be before', () => {
    for (const hint of [0.1, 3, 4.01, 5, 1000, Number.POSITIVE_INFINITY])
      expect(findFinish(slots(1, 1), waiting(2, 2, 2), hint)).toBeCloseTo(4, 1)
  })

  test('takes no account of slots that are free after it', () => {
    const late = [5, 6, 100].map((freeSeconds) => ({ freeSeconds, speed: 10 }))
    expect(findFinish([...late, ...slots(1)], waiting(...Array<number>(40).fill(0.1)))).toBeCloseTo(4)
    expect(findFinish(late, waiting(...Array<number>(40).fill(0.25)))).toBeCloseTo(6)
  })

  test('is never nearer than the longest job on the host that ends it soonest', () => {
    expect(findFinish(slots(1, 2), waiting(100, 1))).toBeCloseTo(50, 0)
  })

  test('is never reached by work that is no number', () => {
    expect(findArea([{ freeSeconds: 0, speed: 1 }], Number.NaN)).toBe(Number.POSITIVE_INFINITY)
  })

  test('is never reached without slots, and is now without jobs', () => {
    expect(findFinish([], waiting(1))).toBe(Number.POSITIVE_INFINITY)
    expect(findFinish(slots(1), waiting())).toBe(0)
  })
})

test.each([
  { hasLinks: false, most: 1.1 },
  { hasLinks: true, most: 1.2 },
])(
  'on random clusters a run is nearly as short as it can be, and far shorter than first come: links $hasLinks',
  async ({ hasLinks, most }) => {
    const clusters = [3, 4, 6, 7, 9].map((seed) => createRandomCluster(seed, { hasLinks, mostJobs: 300 }))
    const bounds = clusters.map(findLowerBound)
    const [own, others] = [await ratiosOf('fastest'), await ratiosOf('round-robin')]
    const known = own.filter((_, index) => clusters[index]?.knowledge === 'exact')
    expect(mean(known)).toBeLessThan(most)
    expect(mean(own) / mean(others)).toBeLessThan(0.75)

    async function ratiosOf(strategy: 'fastest' | 'round-robin'): Promise<readonly number[]> {
      return await Promise.all(clusters.map(async (cluster, index) => (await simulateRun(cluster, strategy)) / (bounds[index] ?? 0)))
    }
  },
)

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
