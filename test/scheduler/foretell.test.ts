import { describe, expect, test } from 'vitest'
import { foretell, type Task } from '../../src/scheduler/foretell.ts'

const coming = (fetchSeconds: number, encodeSeconds: number, returnSeconds = 0): Task => ({
  ...{ phase: 'coming', queue: 'cpu', fetchSeconds, encodeSeconds, returnSeconds },
})
const encoding = (encodeSeconds: number, returnSeconds = 0): Task => ({ ...coming(0, encodeSeconds, returnSeconds), phase: 'encoding' })
const leaving = (returnSeconds: number): Task => ({ ...coming(0, 0, returnSeconds), phase: 'leaving' })
const SHARED = { bothRatio: 0.5 }
const onSlots = (count: number) => () => count
const endsOf = (slots: number, ...tasks: readonly Task[]) => [...foretell(tasks, onSlots(slots), SHARED).ends]

describe('all that a host has to do', () => {
  test('comes, encodes and leaves, one after the other', () => {
    expect(endsOf(1, coming(10, 20, 5))).toEqual([35])
  })

  test('has sources come one after the other, the one that would be there first before the others', () => {
    expect(endsOf(3, coming(10, 1), coming(2, 1))).toEqual([13, 3])
    const begun = { ...coming(10, 1), dueSeconds: 1 }
    expect(endsOf(3, begun, coming(2, 1)), 'a long one that was begun before').toEqual([11, 13])
  })

  test('shares the link between both ways, so that what comes later makes a result late', () => {
    expect(endsOf(2, encoding(10, 5))).toEqual([15])
    expect(endsOf(2, encoding(10, 5), coming(100, 1))[0]).toBe(20)
  })

  test('leaves each way of a cable alone', () => {
    expect([...foretell([encoding(10, 5), coming(100, 1)], onSlots(2), { bothRatio: 1 }).ends]).toEqual([15, 101])
  })

  test('shares the link with what has come or left no longer', () => {
    expect(endsOf(3, leaving(1), coming(2, 0), coming(3, 0))).toEqual([2, 3, 6])
  })

  test('takes the slot that is free first, in the order in which sources come', () => {
    const { takes, ends, free } = foretell([encoding(10), encoding(4), coming(2, 5), coming(1, 7)], onSlots(2), SHARED)
    expect([...takes]).toEqual([0, 0, 10, 4])
    expect([...ends]).toEqual([10, 4, 15, 11])
    expect(free.get('cpu')?.toSorted((a, b) => a - b)).toEqual([11, 15])
  })

  test('waits for slots of its own queue alone', () => {
    expect(endsOf(1, encoding(10), { ...coming(0, 5), queue: 'gpu' })).toEqual([10, 5])
  })

  test('comes when it is said to, where nobody knows the link', () => {
    expect(endsOf(1, { ...coming(0, 5), arrivesSeconds: 3 })).toEqual([8])
  })

  test('needs no link where the host sees the media itself', () => {
    expect(endsOf(1, coming(0, 5), coming(0, 6))).toEqual([5, 11])
  })

  test('is told of at once, be there nothing to do, or what is no number', () => {
    expect(endsOf(1)).toEqual([])
    expect(endsOf(1, coming(Number.NaN, 5), encoding(Number.POSITIVE_INFINITY))).toHaveLength(2)
  })
})
