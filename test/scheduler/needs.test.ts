import { describe, expect, test } from 'vitest'
import type { JobForm } from '../../src/scheduler/job-form.ts'
import type { WorkerSpec } from '../../src/scheduler/worker.ts'
import { createBench, DONE, failed, form, job, jobs, worker } from './scheduler-bench.ts'

const NVENC = form({ name: 'hevc_nvenc', needs: ['hevc_nvenc'], queues: ['cuda', '_default'] })
const SOFTWARE = form({ name: 'libx265', needs: ['libx265'] })

describe('labels', () => {
  test('a job goes only to hosts that have all that it requires and one of any', async () => {
    const bench = createBench({})
    bench.up(able('plain', []), able('half', ['gpu']), able('right', ['gpu', 'quiet', 'attic']), able('loud', ['gpu', 'attic']))
    bench.add(...jobs(5).map((each) => ({ ...each, forms: [labelled({ require: ['gpu', 'quiet'], any: ['attic', 'cellar'] })] })))
    expect(bench.running()).toEqual({ right: 1 })
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(['done', 'done', 'done', 'done', 'done'])
  })

  test('preferred labels decide between hosts that the strategy finds equal, and only then', async () => {
    const bench = createBench({ strategy: 'load-tasks' })
    bench.up(able('first', [], 2), able('quiet', ['quiet'], 2))
    bench.add(...jobs(3).map((each) => ({ ...each, forms: [labelled({ prefer: ['quiet'] })] })))
    expect(bench.running()).toEqual({ quiet: 2, first: 1 })
    await bench.finishAll(DONE)
  })

  test('a job that no host can do is said at once, with the hosts that come nearest, while others are busy', async () => {
    const bench = createBench({})
    bench.up(able('box', ['gpu']), able('nas', []))
    bench.add(...jobs(9), { ...job('x'), forms: [labelled({ require: ['gpu', 'quiet'] })] })
    expect(bench.settled).toEqual([
      ['x', 'failed', 'No host of cluster "home" can do it: "box" lacks the label "quiet"; "nas" lacks the labels "gpu" and "quiet"'],
    ])
    await bench.finishAll(DONE)
  })

  test('a job waits for a host that is still on its way, since that may be the one', async () => {
    const bench = createBench({})
    const late = able('late', ['gpu'])
    bench.up(able('box', []))
    bench.scheduler.expectWorker({ ...late, traits: undefined })
    bench.add({ ...job('x'), forms: [labelled({ require: ['gpu'] })] })
    expect(bench.settled).toEqual([])
    bench.scheduler.setWorker(late, 'up')
    expect(bench.running()).toEqual({ late: 1 })
    await bench.finishAll(DONE)
  })
})

describe('variants', () => {
  test('each host takes the first that it can do, in the queue it has for it', async () => {
    const bench = createBench({})
    bench.up(spec('gpu', { cuda: 1, _default: 1 }, ['hevc_nvenc', 'libx265']), spec('cpu', { _default: 1 }, ['libx265']))
    bench.add(both('1'), both('2'), both('3'))
    expect(bench.forms).toEqual(['1 gpu hevc_nvenc', '2 cpu libx265'])
    await bench.finishAll(DONE)
  })

  test('a hardware encoder that does not start makes way for the next one on the same host', async () => {
    const bench = createBench({})
    bench.up(spec('gpu', { _default: 1 }, ['hevc_nvenc', 'libx265']), spec('other', { _default: 1 }, ['hevc_nvenc', 'libx265']))
    bench.add(both('1'))
    await bench.finish('gpu', failed('variant', 'hevc_nvenc did not start'))
    expect(bench.retried).toEqual(['1 gpu hevc_nvenc did not start'])
    expect(bench.forms).toEqual(['1 gpu hevc_nvenc', '1 gpu libx265'])
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([['1', 'done', '']])
  })

  test('with no next one the job goes to another host', async () => {
    const bench = createBench({})
    bench.up(spec('a', { _default: 1 }, ['hevc_nvenc']), spec('b', { _default: 1 }, ['hevc_nvenc']))
    bench.add({ ...job('1'), forms: [NVENC] })
    await bench.finish('a', failed('variant', 'no device'))
    await bench.finish('b', failed('variant', 'no device'))
    expect(bench.settled).toEqual([['1', 'failed', 'a: no device; b: no device']])
  })

  test('what turned out not to work is not tried with the next job', async () => {
    const bench = createBench({})
    bench.up(spec('gpu', { _default: 1 }, ['hevc_nvenc', 'libx265']))
    bench.add(both('1'), both('2'))
    bench.scheduler.changeWorker(spec('gpu', { _default: 1 }, ['libx265']))
    await bench.finish('gpu', failed('variant', 'no device'))
    await bench.finish('gpu', DONE)
    expect(bench.forms).toEqual(['1 gpu hevc_nvenc', '1 gpu libx265', '2 gpu libx265'])
    await bench.finishAll(DONE)
  })

  test('an ffmpeg that lacks an encoder never gets such a job', async () => {
    const bench = createBench({})
    bench.up(spec('lacks', { _default: 9 }, ['libx264']), spec('has', { _default: 1 }, ['libx264', 'libx265']))
    bench.add(...jobs(2).map((each) => ({ ...each, forms: [SOFTWARE] })))
    expect(bench.running()).toEqual({ has: 1 })
    await bench.finishAll(DONE)
  })
})

describe('slots', () => {
  test('max_jobs holds over all queues of a host', async () => {
    const bench = createBench({})
    bench.up({ ...worker('a', { _default: 4, cuda: 4 }), maxJobs: 3 })
    bench.add(...jobs(4), ...['5', '6'].map((id) => ({ ...job(id), forms: [form({ queues: ['cuda'] })] })))
    expect(bench.running()).toEqual({ a: 3 })
    await bench.finishAll(DONE)
    expect(bench.peak).toEqual({ a: 3 })
    expect(bench.settled).toHaveLength(6)
  })

  test('a card that is full lowers its queue for the rest of the run, and the job waits', async () => {
    const bench = createBench({})
    bench.up(worker('gpu', { _default: 5 }))
    bench.add(...jobs(8))
    await bench.finishLast('gpu', failed('crowded', 'OpenEncodeSessionEx failed: out of memory (10)'))
    await bench.finishLast('gpu', failed('crowded', 'OpenEncodeSessionEx failed: out of memory (10)'))
    expect(bench.lowered).toEqual([
      ['gpu', '_default', 4],
      ['gpu', '_default', 3],
    ])
    expect(bench.running()).toEqual({ gpu: 3 })
    bench.peak.gpu = 0
    await bench.finishAll(DONE)
    expect(bench.peak).toEqual({ gpu: 3 })
    expect(bench.settled.map(([, kind]) => kind)).toEqual(Array.from({ length: 8 }, () => 'done'))
  })

  test('a card that is full with nothing of ours takes the next variant', async () => {
    const bench = createBench({})
    bench.up(spec('gpu', { _default: 2 }, ['hevc_nvenc', 'libx265']))
    bench.add(both('1'))
    await bench.finish('gpu', failed('crowded', 'out of memory'))
    expect(bench.lowered).toEqual([])
    expect(bench.forms).toEqual(['1 gpu hevc_nvenc', '1 gpu libx265'])
    await bench.finishAll(DONE)
  })

  test('jobs of different needs start in the order they were added', async () => {
    const bench = createBench({ maxRunning: 1 })
    bench.up(worker('a', { _default: 1 }))
    const wide = (id: string) => ({ ...job(id), profile: 'other' })
    bench.add(job('1'), wide('2'), job('3'), wide('4'))
    await bench.finishAll(DONE)
    expect(bench.settled.map(([id]) => id)).toEqual(['1', '2', '3', '4'])
  })
})

function both(id: string) {
  return { ...job(id), forms: [NVENC, SOFTWARE] }
}

function labelled(labels: Partial<JobForm['labels']>): JobForm {
  return form({ labels: { require: [], any: [], prefer: [], ...labels } })
}

function able(name: string, labels: readonly string[], slots = 1): WorkerSpec {
  return { ...worker(name, { _default: slots }), traits: { labels: new Set(labels), lacks: () => undefined } }
}

function spec(name: string, queues: Record<string, number>, encoders: readonly string[]): WorkerSpec {
  const lacks = (need: string) => (encoders.includes(need) ? undefined : `has no encoder "${need}"`)
  return { ...worker(name, queues), traits: { labels: new Set(), lacks } }
}
