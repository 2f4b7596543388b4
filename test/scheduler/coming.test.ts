import { describe, expect, test } from 'vitest'
import { createBench, DONE, job, worker } from './scheduler-bench.ts'

const LATELY = [speedOf('quick', 10)]
const knownSpeeds = [speedOf('slow', 1)]
const [quick, slow] = [worker('quick', { _default: 1 }), worker('slow', { _default: 1 })]
const SOON = { withinMs: 5_000, speeds: LATELY, links: [] }

describe('a quick host that was up lately and is on its way', () => {
  test('is left the job that it will have done sooner than the slow one that is up', async () => {
    const bench = createBench({ knownSpeeds })
    bench.scheduler.expectWorker(quick, SOON)
    bench.up(slow)
    bench.add(sized('long', 100))
    expect(bench.running()).toEqual({})
    bench.clock.nowMs += 800
    bench.scheduler.setWorker(quick, 'up')
    expect(bench.running()).toEqual({ quick: 1 })
    await bench.finishAll(DONE)
    expect(bench.clock.sleeping()).toBe(0)
  })

  test('is waited for in vain for a few seconds at most', async () => {
    const bench = createBench({ knownSpeeds })
    bench.scheduler.expectWorker(quick, SOON)
    bench.up(slow)
    bench.add(sized('long', 100))
    await bench.clock.advance(4_999)
    expect(bench.running()).toEqual({})
    await bench.clock.advance(1)
    expect(bench.running()).toEqual({ slow: 1 })
    bench.scheduler.setWorker(quick, 'gone')
    await bench.finishAll(DONE)
  })

  test('is not waited for once it is known not to come', async () => {
    const bench = createBench({ knownSpeeds })
    bench.scheduler.expectWorker(quick, SOON)
    bench.up(slow)
    bench.add(sized('long', 100))
    bench.scheduler.setWorker(quick, 'gone')
    expect(bench.running()).toEqual({ slow: 1 })
    await bench.finishAll(DONE)
  })

  test('keeps no job waiting that the slow one ends as soon, nor the rest of many', async () => {
    const bench = createBench({ knownSpeeds })
    bench.scheduler.expectWorker(quick, SOON)
    bench.up(slow)
    bench.add(sized('short', 4))
    expect(bench.running()).toEqual({ slow: 1 })
    await bench.finish('slow', DONE)
    bench.add(...Array.from({ length: 20 }, (_, number) => sized(`${number}`, 30)))
    expect(bench.running()).toEqual({ slow: 1 })
    bench.scheduler.setWorker(quick, 'up')
    await bench.finishAll(DONE)
  })

  test('of which nothing is known is not waited for', async () => {
    const bench = createBench({ knownSpeeds })
    bench.scheduler.expectWorker(quick, { ...SOON, speeds: [{ ...speedOf('quick', 10), profile: 'av1' }] })
    bench.up(slow)
    bench.add(sized('long', 100))
    expect(bench.running()).toEqual({ slow: 1 })
    bench.scheduler.setWorker(quick, 'gone')
    await bench.finishAll(DONE)
  })
})

function sized(id: string, work: number) {
  return { ...job(id), work }
}

function speedOf(name: string, workPerSecond: number) {
  return { cluster: 'home', name, profile: 'hevc', workPerSecond }
}
