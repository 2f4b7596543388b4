import { describe, expect, test } from 'vitest'
import type { ScheduledJob } from '../../src/scheduler/job-form.ts'
import type { Room } from '../../src/scheduler/room.ts'
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts'
import { createBench, DONE, failed, form, job, worker } from './scheduler-bench.ts'

const FULL: Room = { place: 'disk', said: 'The disk is too small' }

describe('a job without room', () => {
  test('goes to another host, and that is no attempt', async () => {
    const bench = createRoomBench()
    bench.up(worker('small', { _default: 1 }), worker('large', { _default: 1 }))
    bench.rooms.small = FULL
    bench.add(job('1'))
    expect(bench.running()).toEqual({ large: 1 })
    expect(bench.lacks).toEqual([])
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([['1', 'done', '']])
  })

  test('waits as long as another one is under way, and is told of once it waits', async () => {
    const bench = createRoomBench()
    bench.up(worker('box', { _default: 2 }))
    bench.add(job('1'))
    bench.rooms.box = FULL
    bench.add(job('2'))
    expect(bench.running()).toEqual({ box: 1 })
    expect(bench.lacks).toEqual(['2 The disk is too small'])
    bench.rooms.box = 'yes'
    await bench.finish('box', DONE)
    expect(bench.running()).toEqual({ box: 1 })
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([
      ['1', 'done', ''],
      ['2', 'done', ''],
    ])
  })

  test('ahead of a slot waits for the slot, and nobody is told; with room for two, its source comes at once', async () => {
    const bench = createRoomBench({ strategy: 'round-robin', ahead: () => 1 })
    bench.up(worker('box', { _default: 1 }))
    bench.add(job('1'))
    bench.rooms.box = FULL
    bench.add(job('2'), job('3'))
    expect(bench.running()).toEqual({ box: 1 })
    bench.rooms.box = 'yes'
    await bench.finish('box', DONE)
    expect(bench.running()).toEqual({ box: 2 })
    expect(bench.lacks).toEqual([])
    await bench.finishAll(DONE)
    expect(bench.settled.map(([, kind]) => kind)).toEqual(['done', 'done', 'done'])
  })

  test('fails with every reason, without an attempt, once nothing is under way that could make room', async () => {
    const bench = createRoomBench()
    bench.up(worker('a', { _default: 2 }), worker('b', { _default: 1 }))
    bench.rooms.a = FULL
    bench.rooms.b = { place: 'other', said: 'The other disk is too small' }
    bench.add(job('1'))
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([['1', 'failed', 'There is no room for it: The disk is too small; The other disk is too small']])
    expect(bench.forms).toEqual([])
    // Who fails at once is not told to wait first.
    expect(bench.lacks).toEqual([])
  })

  test('waits for a host that is not up yet', async () => {
    const bench = createRoomBench()
    bench.scheduler.expectWorker(worker('late', { _default: 1 }))
    bench.up(worker('small', { _default: 1 }))
    bench.rooms.small = FULL
    bench.add(job('1'))
    expect(bench.settled).toEqual([])
    bench.scheduler.setWorker(worker('late', { _default: 1 }), 'up')
    expect(bench.running()).toEqual({ late: 1 })
    await bench.finishAll(DONE)
  })

  test('waits where the work of others may make room, and starts when it is woken', async () => {
    const bench = createRoomBench()
    bench.others.areAtWork = true
    bench.up(worker('box', { _default: 1 }))
    bench.rooms.box = FULL
    bench.add(job('1'))
    bench.scheduler.wake()
    expect(bench.settled).toEqual([])
    bench.rooms.box = 'yes'
    bench.scheduler.wake()
    expect(bench.running()).toEqual({ box: 1 })
    await bench.finishAll(DONE)
  })

  test('is overtaken by those that fit, and fails only when all of these are done', async () => {
    const bench = createRoomBench()
    bench.up(worker('box', { _default: 1 }))
    bench.tooLarge.add('1')
    bench.add(job('1'), job('2'), { ...job('3'), forms: [form({ name: 'other' })] })
    expect(bench.settled).toEqual([])
    await bench.finishAll(DONE)
    expect(bench.settled.map(([id, kind]) => `${id} ${kind}`)).toEqual(['2 done', '3 done', '1 failed'])
  })
})

describe('a job whose room is being asked for', () => {
  test('waits for the answer, and so do those behind it', async () => {
    const bench = createRoomBench()
    bench.up(worker('box', { _default: 2 }))
    bench.rooms.box = 'asking'
    bench.add(job('1'), job('2'))
    expect(bench.running()).toEqual({})
    expect(bench.settled).toEqual([])
    bench.rooms.box = 'yes'
    bench.scheduler.wake()
    expect(bench.forms).toEqual(['1 box hevc', '2 box hevc'])
    await bench.finishAll(DONE)
  })

  test('does not go to a slower host meanwhile', async () => {
    const bench = createRoomBench()
    bench.up(worker('quick', { _default: 1 }), worker('slow', { _default: 1 }))
    bench.rooms.quick = 'asking'
    bench.add(job('1'))
    expect(bench.running()).toEqual({})
    bench.rooms.quick = 'yes'
    bench.scheduler.wake()
    expect(bench.running()).toEqual({ quick: 1 })
    await bench.finishAll(DONE)
  })
})

describe('a disk that fills up in the middle of a job', () => {
  test('sends it to another host, which is not the last one that may fail it', async () => {
    const bench = createRoomBench()
    bench.up(worker('a', { _default: 1 }), worker('b', { _default: 1 }))
    bench.add(job('1'))
    await bench.finish('a', failed('no-room', 'No space left'))
    expect(bench.running()).toEqual({ b: 1 })
    await bench.finish('b', failed('no-room', 'No space left'))
    expect(bench.running()).toEqual({ a: 1 })
    await bench.finishAll(DONE)
    expect(bench.settled).toEqual([['1', 'done', '']])
    expect(bench.retried).toEqual(['1 a No space left', '1 b No space left'])
  })

  test('again and again, though there seemed to be room, ends it with that reason', async () => {
    const bench = createRoomBench()
    bench.up(worker('box', { _default: 1 }))
    bench.add(job('1'))
    await bench.finish('box', failed('no-room', 'No space left'))
    await bench.finish('box', failed('no-room', 'No space left'))
    expect(bench.settled).toEqual([['1', 'failed', 'No space left']])
    expect(bench.running()).toEqual({})
    await bench.finishAll(DONE)
  })

  test('on many hosts ends it, too', async () => {
    const bench = createRoomBench()
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    bench.up(...names.map((name) => worker(name, { _default: 1 })))
    bench.add(job('1'))
    for (const name of names.slice(0, 6)) await bench.finish(name, failed('no-room', 'No space left'))
    expect(bench.settled).toEqual([['1', 'failed', 'No space left']])
    await bench.finishAll(DONE)
  })

  test('makes it wait for room where there is no other host', async () => {
    const bench = createRoomBench()
    bench.up(worker('box', { _default: 2 }))
    bench.add(job('1'), job('2'))
    bench.rooms.box = FULL
    await bench.finish('box', failed('no-room', 'No space left'))
    expect(bench.running()).toEqual({ box: 1 })
    bench.rooms.box = 'yes'
    await bench.finish('box', DONE)
    expect(bench.forms).toEqual(['1 box hevc', '2 box hevc', '1 box hevc'])
    await bench.finishAll(DONE)
  })
})

/** A bench whose hosts have the room that the test says; all of it unless it says so. */
function createRoomBench(options: Partial<Pick<SchedulerOptions<ScheduledJob>, 'strategy' | 'ahead'>> = {}) {
  const rooms: Record<string, Room> = {}
  const tooLarge = new Set<string>()
  const lacks: string[] = []
  const others = { areAtWork: false }
  const bench = createBench({
    room: {
      look: ({ id }: ScheduledJob, { name }) => (tooLarge.has(id) ? FULL : (rooms[name] ?? 'yes')),
      onLack: ({ id }, said) => lacks.push(`${id} ${said.map((lack) => lack.said).join('; ')}`),
      mayCome: () => others.areAtWork,
    },
    ...options,
  })
  return { ...bench, rooms, tooLarge, lacks, others }
}
