import { describe, expect, test } from 'vitest'
import { createBench, DONE, failed, form, job, jobs, worker } from './scheduler-bench.ts'

describe('placing jobs', () => {
  test('no host ever runs more jobs of a queue than it has slots', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 2 }), worker('b', { _default: 1 }))
    bench.add(...jobs(20))
    expect(bench.running()).toEqual({ a: 2, b: 1 })
    await bench.finishAll(DONE)
    expect(bench.peak).toEqual({ a: 2, b: 1 })
    expect(bench.settled).toHaveLength(20)
  })

  test('a job goes only to hosts that have its queue and take its profile', async () => {
    const bench = createBench({})
    bench.up(worker('cpu', { _default: 9 }), worker('gpu', { cuda: 9 }), { ...worker('picky', { cuda: 9 }), profiles: ['other'] })
    const cuda = { forms: [form({ queues: ['cuda'] })] }
    bench.add({ ...job('1'), ...cuda }, { ...job('2'), ...cuda })
    expect(bench.running()).toEqual({ gpu: 2 })
    await bench.finishAll(DONE)
  })

  test('round-robin takes turns though one host is always free first', async () => {
    const bench = createBench({ strategy: 'round-robin' })
    bench.up(worker('a', { _default: 4 }), worker('b', { _default: 4 }), worker('c', { _default: 4 }))
    bench.add(...jobs(6))
    expect(bench.running()).toEqual({ a: 2, b: 2, c: 2 })
    await bench.finishAll(DONE)
  })

  test('load-tasks fills the idlest host first', async () => {
    const bench = createBench({ strategy: 'load-tasks' })
    bench.up(worker('a', { _default: 4 }), worker('b', { _default: 4 }))
    bench.add(...jobs(4))
    expect(bench.running()).toEqual({ a: 2, b: 2 })
    await bench.finishAll(DONE)
  })

  test('load-cpu avoids a busy host, and a burst does not land on one worker', async () => {
    const bench = createBench({ strategy: 'load-cpu' })
    const [busy, idle, calm] = [worker('busy', { _default: 4 }), worker('idle', { _default: 4 }), worker('calm', { _default: 4 })]
    bench.up(busy, idle, calm)
    bench.scheduler.setLoad(busy, 3)
    bench.scheduler.setLoad(calm, 0.1)
    bench.add(...jobs(4))
    expect(bench.running()).toEqual({ idle: 2, calm: 2 })
    await bench.finishAll(DONE)
  })

  test('fastest learns which host is quick and prefers it', async () => {
    const bench = createBench({ strategy: 'fastest' })
    bench.up(worker('slow', { _default: 1 }), worker('quick', { _default: 1 }))
    bench.add(job('1'), job('2'))
    bench.clock.nowMs += 1000
    await bench.finish('quick', DONE)
    bench.clock.nowMs += 9000
    await bench.finish('slow', DONE)
    bench.add(job('3'))
    expect(bench.running()).toEqual({ quick: 1 })
    await bench.finishAll(DONE)
  })

  test('sequential runs one job at a time over all hosts', async () => {
    const bench = createBench({ maxRunning: 1 })
    bench.up(worker('a', { _default: 4 }), worker('b', { _default: 4 }))
    bench.add(...jobs(3))
    expect(Object.values(bench.running())).toEqual([1])
    await bench.finishAll(DONE)
    expect(bench.settled).toHaveLength(3)
  })
})

describe('retry', () => {
  test('a job that a host fails at goes to another host, never to the same again', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    bench.add(job('1'))
    await bench.finish('a', failed('elsewhere', 'no encoder'))
    expect(bench.running()).toEqual({ b: 1 })
    await bench.finish('b', failed('elsewhere', 'no encoder either'))
    expect(bench.settled).toEqual([['1', 'failed', 'a: no encoder; b: no encoder either']])
  })

  test('a job whose host is lost waits for that host when there is no other', async () => {
    const bench = createBench({})
    const only = worker('only', { _default: 1 })
    bench.up(only)
    bench.add(job('1'))
    await bench.finish('only', failed('lost', 'connection reset'))
    expect(bench.lost).toEqual(['only'])
    expect(bench.running()).toEqual({})
    bench.scheduler.setWorker(only, 'up')
    expect(bench.running()).toEqual({ only: 1 })
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([['1', 'done', '']])
  })

  test('a job is given up once every host that could do it is gone', async () => {
    const bench = createBench({})
    const only = worker('only', { _default: 1 })
    bench.scheduler.expectWorker(only)
    bench.add(job('1'))
    bench.scheduler.seal()
    expect(bench.settled).toEqual([])
    bench.scheduler.setWorker(only, 'gone')
    await bench.scheduler.drained
    expect(bench.settled).toEqual([['1', 'failed', 'No host of cluster "home" is left that can take it']])
  })

  test('a job that loses host after host is given up in the end', async () => {
    const bench = createBench({})
    const only = worker('only', { _default: 1 })
    bench.up(only)
    bench.add(job('1'))
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      bench.scheduler.setWorker(only, 'up')
      await bench.finish('only', failed('lost', 'reset'))
    }
    expect(bench.settled).toEqual([['1', 'failed', 'reset']])
  })

  test('a fault of the file is final', async () => {
    const bench = createBench({})
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    bench.add(job('1'))
    await bench.finish('a', failed('never', 'the source changed'))
    expect(bench.settled).toEqual([['1', 'failed', 'the source changed']])
  })
})

test('after an abort nothing is started, and what waits or was interrupted is handed back', async () => {
  const bench = createBench({})
  bench.up(worker('a', { _default: 1 }))
  bench.add(...jobs(3))
  bench.abort.abort()
  await bench.finish('a', { kind: 'interrupted' })
  const left = await bench.scheduler.drained
  expect(left.map((left) => left.id).sort()).toEqual(['1', '2', '3'])
  expect(bench.settled).toEqual([])
})

test('hundreds of jobs over random hosts that fail at random all end exactly once', async () => {
  const random = createRandom(7)
  const bench = createBench({})
  bench.up(...Array.from({ length: 9 }, (_, index) => worker(`h${index}`, { _default: 1 + Math.floor(random() * 4) })))
  bench.add(...jobs(500))
  bench.scheduler.seal()
  while (Object.keys(bench.running()).length > 0) {
    const names = Object.keys(bench.running())
    const name = names[Math.floor(random() * names.length)] ?? ''
    await bench.finish(name, random() < 0.3 ? failed('elsewhere', 'bad luck') : DONE)
  }
  await bench.scheduler.drained
  expect(new Set(bench.settled.map(([id]) => id)).size).toBe(500)
  expect(bench.settled).toHaveLength(500)
})

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

describe('draining', () => {
  test('starts nothing more; what runs goes on to its end, and the rest is what is left', async () => {
    const draining = new AbortController()
    const bench = createBench({ draining: draining.signal })
    bench.up(worker('a', { _default: 1 }))
    bench.add(...jobs(3))
    draining.abort()
    bench.add(job('late'))
    await bench.finish('a', DONE)
    expect(bench.running()).toEqual({})
    expect(bench.settled.map(([id, kind]) => [id, kind])).toEqual([['1', 'done']])
    expect((await bench.scheduler.drained).map(({ id }) => id)).toEqual(['2', '3', 'late'])
  })

  test('leaves a job that another host may do, and fails one that none can', async () => {
    const draining = new AbortController()
    const bench = createBench({ draining: draining.signal })
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    bench.add(job('1'), job('2'))
    draining.abort()
    await bench.finish('a', failed('elsewhere', 'no encoder'))
    await bench.finish('b', failed('never', 'no film'))
    expect(bench.settled.map(([, kind, reason]) => [kind, reason])).toEqual([['failed', 'no film']])
    expect(await bench.scheduler.drained).toHaveLength(1)
  })

  test('ends at once where nothing runs', async () => {
    const draining = new AbortController()
    const bench = createBench({ draining: draining.signal })
    bench.scheduler.expectWorker(worker('a', { _default: 1 }))
    bench.add(job('1'))
    draining.abort()
    expect(await bench.scheduler.drained).toHaveLength(1)
  })
})
