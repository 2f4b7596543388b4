import { describe, expect, test } from 'vitest'
import { createLinkTurns } from '../../src/scheduler/link-turns.ts'

const SHARED = { bothRatio: 0.5 }

describe('the turns that transfers take on a link', () => {
  test('give all of it to one source after the other', () => {
    const link = createLinkTurns(() => SHARED)
    const first = link.join('there', 10, 0)
    const second = link.join('there', 10, 1000)
    link.leave(first, 9000)
    link.look(12_000)
    expect([first.hadSeconds, second.hadSeconds]).toEqual([9, 3])
  })

  test('give half of it to each way while both are in use', () => {
    const link = createLinkTurns(() => SHARED)
    const source = link.join('there', 10, 0)
    const result = link.join('back', 2, 4000)
    link.leave(result, 8000)
    link.look(9000)
    expect([source.hadSeconds, result.hadSeconds]).toEqual([7, 2])
  })

  test('give all of it to each way of a cable, and count for how long both were in use', () => {
    const link = createLinkTurns(() => ({ bothRatio: 1 }))
    const source = link.join('there', 10, 0)
    const result = link.join('back', 2, 4000)
    link.leave(result, 6000)
    link.look(9000)
    expect([source.hadSeconds, result.hadSeconds]).toEqual([9, 2])
    expect([source.bothSeconds, result.bothSeconds]).toEqual([2, 2])
  })

  test('let a short one go before a long one that has just begun, and not before one that is nearly there', () => {
    const link = createLinkTurns(() => SHARED)
    const long = link.join('there', 60, 0)
    const short = link.join('there', 5, 1000)
    expect(link.isFirst(short)).toBe(true)
    link.leave(short, 6000)
    link.look(58_000)
    link.join('there', 5, 58_000)
    expect(link.isFirst(long)).toBe(true)
    expect(long.hadSeconds).toBe(53)
  })
})
