import { expect, test } from 'vitest'
import { createCallLimit } from '../../src/core/call-limit.ts'

interface Call {
  readonly end: () => void
  readonly result: Promise<string>
}

/** Calls that last until they are ended, and those of them that have begun. */
function createCalls(most: number) {
  const limit = createCallLimit(most)
  const begun: string[] = []
  const add = (name: string, signal?: AbortSignal): Call => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const result = limit.run(() => {
      begun.push(name)
      return promise
    }, signal)
    return { end: () => resolve(name), result }
  }
  return { limit, begun, add }
}

const turn = () => new Promise(setImmediate)

test('so many calls are under way at once, the others begin in their order', async () => {
  const { begun, add } = createCalls(2)
  const calls = ['a', 'b', 'c', 'd'].map((name) => add(name))
  await turn()
  expect(begun).toEqual(['a', 'b'])
  calls[1]?.end()
  expect(await calls[1]?.result).toBe('b')
  await turn()
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const { end } of calls) end()
  expect(await Promise.all(calls.map(({ result }) => result))).toEqual(['a', 'b', 'c', 'd'])
})

test('a call that fails makes room, and fails', async () => {
  const limit = createCallLimit(1)
  await expect(limit.run(() => Promise.reject(new Error('no film')))).rejects.toThrow('no film')
  expect(await limit.run(async () => 'film')).toBe('film')
})

test('who is interrupted while it waits leaves the queue and takes no place', async () => {
  const { begun, add } = createCalls(1)
  const stop = new AbortController()
  const first = add('a')
  const second = add('b', stop.signal)
  const third = add('c')
  await turn()
  stop.abort(new Error('enough'))
  await expect(second.result).rejects.toThrow('enough')
  first.end()
  third.end()
  await third.result
  expect(begun).toEqual(['a', 'c'])
  await expect(add('d', stop.signal).result).rejects.toThrow('enough')
})

test('who is interrupted in the moment of its turn hands it on', async () => {
  const { begun, add } = createCalls(1)
  const stop = new AbortController()
  const first = add('a')
  const second = add('b', stop.signal)
  const third = add('c')
  await turn()
  first.end()
  await first.result
  // Its place was given away in the same turn, and it has not taken it yet.
  stop.abort(new Error('enough'))
  second.end()
  third.end()
  await Promise.allSettled([second.result])
  expect(await third.result).toBe('c')
  expect(begun.at(-1)).toBe('c')
})

test('the bound can be raised and lowered meanwhile', async () => {
  const { limit, begun, add } = createCalls(0)
  const calls = ['a', 'b', 'c'].map((name) => add(name))
  await turn()
  expect(begun).toEqual([])
  limit.setMost(2)
  await turn()
  expect(begun).toEqual(['a', 'b'])
  limit.setMost(1)
  calls[0]?.end()
  await calls[0]?.result
  await turn()
  expect(begun).toEqual(['a', 'b'])
  calls[1]?.end()
  calls[2]?.end()
  await Promise.all(calls.map(({ result }) => result))
})
