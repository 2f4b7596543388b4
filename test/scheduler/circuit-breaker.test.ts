import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WorkerSpec } from '../../src/scheduler/worker.ts'
import { createBench, DONE, failed, job, jobs, worker } from './scheduler-bench.ts'

const BROKEN = failed('elsewhere', 'no mount')
const BAD_FILE = failed('elsewhere', 'moov atom not found')

describe('a host on which jobs fail that succeed elsewhere', () => {
  test('gets no more than three of them, and is set aside once they are done elsewhere', async () => {
    const bench = createBench({})
    bench.up(worker('bad', { _default: 1 }), worker('good', { _default: 1 }))
    bench.add(...jobs(12))
    for (let count = 0; count < 3; count += 1) await bench.finish('bad', BROKEN)
    expect(bench.running()).toEqual({ good: 1 })
    expect(bench.aside).toEqual([])
    await bench.finishAll(DONE)
    expect(bench.aside).toEqual(['bad down 1 min: 3 failed, no mount'])
    expect(bench.forms.filter((start) => start.includes(' bad '))).toHaveLength(3)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(Array.from({ length: 12 }, () => 'done'))
    expect(bench.clock.sleeping()).toBe(0)
  })

  test('comes back after a while for one job, which sets it free when it is done', async () => {
    const bench = createBench({})
    bench.up(worker('bad', { _default: 2 }), worker('good', { _default: 1 }))
    await setAside(bench, 'bad', 'good')
    bench.add(...jobs(9).map(({ id }) => job(`later ${id}`)))
    expect(bench.running()).toEqual({ good: 1 })
    await bench.clock.advance(60_000)
    expect(bench.aside.slice(1)).toEqual(['bad up'])
    expect(bench.running()).toEqual({ bad: 1, good: 1 })
    await bench.finish('bad', DONE)
    expect(bench.running()).toEqual({ bad: 2, good: 1 })
    await bench.finishAll(DONE)
  })

  test('goes again for twice as long when that job fails, up to half an hour', async () => {
    const bench = createBench({})
    bench.up(worker('bad', { _default: 1 }), worker('good', { _default: 1 }))
    await setAside(bench, 'bad', 'good')
    for (let round = 1; round <= 7; round += 1) {
      bench.add(job(`a${round}`), job(`b${round}`))
      await bench.clock.advance(30 * 60_000)
      expect(bench.running().bad).toBe(1)
      await bench.finish('bad', BROKEN)
      await bench.finish('good', DONE)
      await bench.finish('good', DONE)
    }
    expect(bench.aside.filter((line) => line.includes('down')).map((line) => line.split(' ')[2])).toEqual([
      '1',
      '2',
      '4',
      '8',
      '16',
      '30',
      '30',
      '30',
    ])
    await bench.finishAll(DONE)
  })

  test('is left alone as long as a look at it finds it broken', async () => {
    let problem: string | undefined = 'ffmpeg is gone'
    const bench = createBench({ probe: async () => problem })
    bench.up(worker('bad', { _default: 1 }), worker('good', { _default: 1 }))
    await setAside(bench, 'bad', 'good')
    bench.add(...jobs(4).map(({ id }) => job(`later ${id}`)))
    await bench.clock.advance(60_000)
    expect(bench.aside.slice(1)).toEqual(['bad down 2 min: 0 failed, ffmpeg is gone'])
    problem = undefined
    await bench.clock.advance(119_000)
    expect(bench.running()).toEqual({ good: 1 })
    await bench.clock.advance(1000)
    expect(bench.running()).toEqual({ good: 1, bad: 1 })
    await bench.finishAll(DONE)
  })

  test('is waited for when it is the only one left, three times, and then its jobs fail with the reason', async () => {
    const bench = createBench({})
    const good = worker('good', { _default: 1 })
    bench.up(worker('bad', { _default: 1 }), good)
    await setAside(bench, 'bad', 'good')
    bench.scheduler.setWorker(good, 'gone')
    bench.add(...jobs(9).map(({ id }) => job(`later ${id}`)))
    bench.scheduler.seal()
    expect(bench.settled).toHaveLength(4)
    for (const minutes of [1, 2, 4]) {
      await bench.clock.advance(minutes * 60_000)
      expect(bench.running()).toEqual({ bad: 1 })
      await bench.finish('bad', BROKEN)
    }
    await bench.scheduler.drained
    const failures = bench.settled.slice(4)
    expect(failures.slice(0, 3).map(([, kind, reason]) => `${kind} ${reason}`)).toEqual(Array.from({ length: 3 }, () => 'failed no mount'))
    expect(failures.slice(3).map(([, , reason]) => reason)).toEqual(
      Array.from({ length: 6 }, () => 'No host of cluster "home" is left that can take it: "bad" is set aside (no mount)'),
    )
  })

  test('is never set aside with max_failures 0', async () => {
    const bench = createBench({ maxFailures: 0 })
    bench.up(worker('bad', { _default: 1 }), worker('good', { _default: 1 }))
    bench.add(...jobs(8))
    for (let count = 0; count < 7; count += 1) await bench.finish('bad', BROKEN)
    expect(bench.running()).toEqual({ good: 1 })
    await bench.finishAll(DONE)
    expect(bench.aside).toEqual([])
  })

  test('is not set aside for failures between which it did jobs well', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    for (let round = 1; round <= 6; round += 1) {
      bench.add(job(`x${round}`), job(`y${round}`), job(`z${round}`))
      await bench.finish('a', failed('elsewhere', 'bad luck'))
      while ((bench.running().a ?? 0) + (bench.running().b ?? 0) > 0) await bench.finish(bench.running().a ? 'a' : 'b', DONE)
    }
    await bench.finishAll(DONE)
    expect(bench.aside).toEqual([])
    expect(bench.settled.every(([, kind]) => kind === 'done')).toBe(true)
  })

  test.each(['lost', 'variant', 'never', 'no-room'] as const)('is not held to what ended as "%s"', async (retry) => {
    const bench = createBench({})
    const [a, b] = [worker('a', { _default: 1 }), worker('b', { _default: 1 })]
    bench.up(a, b)
    bench.add(...jobs(9))
    for (let count = 0; count < 5; count += 1) {
      await bench.finish('a', failed(retry, 'whatever'))
      bench.scheduler.setWorker(a, 'up')
    }
    expect(bench.running()).toEqual({ a: 1, b: 1 })
    await bench.finishAll(DONE)
    expect(bench.aside).toEqual([])
  })
})

describe('a file that fails on two hosts', () => {
  test('is to blame when both can be believed: it fails with both reasons, and a third is not asked', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }), worker('c', { _default: 1 }))
    await proveAll(bench, 'a', 'b', 'c')
    for (let count = 1; count <= 4; count += 1) {
      bench.add(job(`bad ${count}`))
      await bench.finish(Object.keys(bench.running())[0] ?? '', BAD_FILE)
      await bench.finish(Object.keys(bench.running())[0] ?? '', failed('elsewhere', 'also bad'))
    }
    expect(bench.settled.slice(3).map(([, kind, reason]) => `${kind} ${reason.replaceAll(/[abc]: /g, '')}`)).toEqual(
      Array.from({ length: 4 }, () => 'failed moov atom not found; also bad'),
    )
    expect(bench.settled.at(-1)?.[2]).toMatch(/^[abc]: moov atom not found; [abc]: also bad$/)
    expect(bench.aside).toEqual([])
    await bench.finishAll(DONE)
  })

  test('is not condemned by two broken hosts: a third one does it, and they are the ones to blame', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }), worker('c', { _default: 1 }))
    bench.add(...jobs(12))
    for (let count = 0; count < 3; count += 1) for (const host of ['a', 'b']) await bench.finish(host, BROKEN)
    expect(bench.running()).toEqual({ c: 1 })
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(Array.from({ length: 12 }, () => 'done'))
    expect(bench.aside.toSorted()).toEqual(['a down 1 min: 3 failed, no mount', 'b down 1 min: 3 failed, no mount'])
    expect(bench.forms.filter((start) => / [ab] /.test(start))).toHaveLength(6)
  })

  test('waits for a third while two that did well before fail at everything', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }), worker('c', { _default: 1 }))
    await proveAll(bench, 'a', 'b', 'c')
    // Both lose the same mount at once.
    bench.add(...jobs(7).map(({ id }) => job(`later ${id}`)))
    for (let count = 0; count < 4; count += 1) {
      for (const host of ['a', 'b']) if (bench.running()[host] !== undefined) await bench.finish(host, BROKEN)
    }
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(Array.from({ length: 10 }, () => 'done'))
  })

  test('is condemned as soon as both have done another job well, though a third has no time yet', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }), worker('c', { _default: 1 }))
    bench.add(job('bad'), ...jobs(6))
    await bench.finish('a', BAD_FILE)
    await bench.finish('b', DONE)
    await bench.finish('b', BAD_FILE)
    expect(bench.settled.map(([id]) => id)).toEqual(['1'])
    await bench.finish('a', DONE)
    expect(bench.settled.map(([id, kind]) => `${id} ${kind}`)).toContain('bad failed')
    await bench.finishAll(DONE)
    expect(bench.forms.filter((start) => start.startsWith('bad '))).toEqual(['bad a hevc', 'bad b hevc'])
    expect(bench.aside).toEqual([])
  })

  test('sets no host aside however many such files there are', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 2 }), worker('b', { _default: 1 }))
    bench.add(...jobs(20))
    bench.scheduler.seal()
    while (Object.keys(bench.running()).length > 0) {
      await bench.finish(Object.keys(bench.running())[0] ?? '', BAD_FILE)
      await bench.clock.advance(0)
    }
    await bench.scheduler.drained
    expect(bench.settled.map(([, , reason]) => reason.split('; ').length)).toEqual(Array.from({ length: 20 }, () => 2))
    expect(bench.aside).toEqual([])
  })
})

test('a good host that only had bad files is not kept idle while the other one is busy', async () => {
  const bench = createBench({})
  bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
  bench.add(...jobs(8))
  for (let count = 0; count < 3; count += 1) await bench.finish('a', BAD_FILE)
  expect(bench.running()).toEqual({ b: 1 })
  await bench.clock.advance(60_000)
  expect(bench.running()).toEqual({ a: 1, b: 1 })
  await bench.finish('a', DONE)
  expect(bench.running()).toEqual({ a: 1, b: 1 })
  await bench.finishAll(DONE)
  expect(bench.aside).toEqual([])
})

test('whatever hosts do: no job is lost, none that a good host could do fails, and a broken host gets few of them', async () => {
  const host = fc.record({
    slots: fc.integer({ min: 1, max: 4 }),
    // How it works: always, never, or only up to a certain job.
    worksFor: fc.constantFrom(0, 0, Number.POSITIVE_INFINITY),
  })
  const scenario = fc.record({
    hosts: fc.array(host, { minLength: 1, maxLength: 5 }),
    /** One of them works at first and then breaks. */
    breaksAfter: fc.option(fc.integer({ min: 1, max: 6 })),
    badFiles: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 6 }),
    jobCount: fc.integer({ min: 1, max: 30 }),
    seed: fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
  })
  await fc.assert(
    fc.asyncProperty(scenario, async ({ hosts, breaksAfter, badFiles, jobCount, seed }) => {
      const bench = createBench({})
      const specs = hosts.map(({ slots }, index) => worker(`h${index}`, { _default: slots }))
      const worksFor = new Map(specs.map(({ name }, index) => [name, hosts[index]?.worksFor ?? 0]))
      if (breaksAfter !== null) worksFor.set('h0', breaksAfter)
      bench.up(...specs)
      bench.add(...jobs(jobCount))
      bench.scheduler.seal()
      for (let step = 0; bench.settled.length < jobCount; step += 1) {
        expect(step).toBeLessThan(2000)
        const busy = Object.keys(bench.running())
        const chosen = busy[(seed[step % seed.length] ?? 0) % Math.max(1, busy.length)]
        if (chosen === undefined) {
          await bench.clock.advance(60_000)
          continue
        }
        const left = worksFor.get(chosen) ?? 0
        const isBad = badFiles.includes(Number(bench.nextOf(chosen)))
        if (left > 0 && !isBad) worksFor.set(chosen, left - 1)
        await bench.finish(chosen, isBad ? BAD_FILE : left > 0 ? DONE : BROKEN)
        await bench.clock.advance(0)
      }
      await bench.scheduler.drained
      expect(bench.settled.map(([id]) => id).toSorted()).toEqual(
        jobs(jobCount)
          .map(({ id }) => id)
          .toSorted(),
      )
      const isGoodLeft = [...worksFor.values()].includes(Number.POSITIVE_INFINITY)
      for (const [id, kind] of bench.settled) {
        if (badFiles.includes(Number(id))) expect(kind).toBe('failed')
        else if (isGoodLeft) expect(`${id} ${kind}`).toBe(`${id} done`)
      }
      if (isGoodLeft && breaksAfter === null) expectFewTries(bench, specs, worksFor, badFiles)
      expect(bench.clock.sleeping()).toBe(0)
    }),
    { numRuns: 150 },
  )
})

/**
 * Three good files, or as many more as it had slots at that moment; then one each time that it was given another try. Three bad files can
 * have the good hosts held as well; while all are, they answer for each other, and try what has failed elsewhere.
 */
function expectFewTries(
  bench: Bench,
  specs: readonly WorkerSpec[],
  worksFor: ReadonlyMap<string, number>,
  badFiles: readonly number[],
): void {
  const minutes = bench.clock.now() / 60_000
  for (const { name, queues } of specs) {
    if (worksFor.get(name) !== 0) continue
    const tries = bench.forms.filter((start, index) => {
      const [id, host] = start.split(' ')
      const isAnswer = badFiles.length >= 3 && bench.forms.slice(0, index).some((earlier) => earlier.startsWith(`${id} `))
      return host === name && !badFiles.includes(Number(id)) && !isAnswer
    }).length
    expect(tries).toBeLessThanOrEqual(2 + (queues?._default ?? 0) + Math.floor(minutes))
  }
}

type Bench = ReturnType<typeof createBench>

/** Three jobs fail on `bad` and are done by `good`, which does a fourth. */
async function setAside(bench: Bench, bad: string, good: string): Promise<void> {
  bench.add(...jobs(4))
  for (let count = 0; count < 3; count += 1) await bench.finish(bad, BROKEN)
  while (bench.running()[good] !== undefined) await bench.finish(good, DONE)
  expect(bench.aside).toEqual([`${bad} down 1 min: 3 failed, no mount`])
}

/** Each host does a job. */
async function proveAll(bench: Bench, ...hosts: readonly string[]): Promise<void> {
  bench.add(...hosts.map((_, index) => job(`first ${index}`)))
  for (const host of hosts) await bench.finish(host, DONE)
  expect(bench.running()).toEqual({})
}
