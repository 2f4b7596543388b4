import { expect, test } from 'vitest'
import { createPrefetch } from '../../../src/run/attempts/prefetch.ts'

const worker = { cluster: 'home', name: 'nas' }
const done = (seconds: number) => ({ kind: 'done', outputBytes: 1, seconds }) as const

test('a streaming host gets as many jobs ahead as it is configured to, from the start', () => {
  const { ahead } = createPrefetch()
  expect(ahead(worker, { type: 'streaming' })).toBe(1)
  expect(ahead(worker, { type: 'streaming', prefetch: 3 })).toBe(3)
  expect(ahead(worker, { type: 'streaming', prefetch: 0 })).toBe(0)
})

test('a host that mounts the media gets one a slot for as long as its jobs take seconds', () => {
  const { ahead, learn } = createPrefetch()
  const mounted = { type: 'mounted' } as const
  expect(ahead(worker, mounted)).toBe(0)
  learn(worker, done(0.2))
  expect(ahead(worker, mounted)).toBe(1)
  expect(ahead({ ...worker, name: 'tower' }, mounted)).toBe(0)
  expect(ahead(worker, { ...mounted, prefetch: 4 })).toBe(1)
  expect(ahead(worker, { ...mounted, prefetch: 0 })).toBe(0)
  expect(ahead(worker, undefined)).toBe(0)
  learn(worker, { kind: 'interrupted' })
  expect(ahead(worker, mounted)).toBe(1)
  learn(worker, done(600))
  expect(ahead(worker, mounted)).toBe(0)
})

test('a host that earlier runs know to be quick gets one a slot as soon as it encodes', () => {
  const { ahead, begin, expect: foretell, learn } = createPrefetch()
  const mounted = { type: 'mounted' } as const
  const job = (over: object = {}) => ({ cluster: 'home', profile: 'quick', sizeClass: 'sd', work: 100, ...over })
  const speed = (over: object = {}) => ({ ...worker, profile: 'quick', sizeClass: 'sd', workPerSecond: 1_000, ...over })

  foretell([speed(), speed({ name: 'tower', workPerSecond: 1 })], [job(), job({ cluster: 'work', work: 1e9 })])
  expect(ahead(worker, mounted)).toBe(0)
  expect([worker, worker, { ...worker, name: 'tower' }].map(begin)).toEqual([true, false, true])
  expect(ahead(worker, mounted)).toBe(1)
  expect(ahead({ ...worker, name: 'tower' }, mounted)).toBe(0)
  learn(worker, done(600))
  expect(ahead(worker, mounted)).toBe(0)
})

test('of a host that did no such job nothing is foretold, nor of one that some of its jobs take longer', () => {
  const mounted = { type: 'mounted' } as const
  const job = { cluster: 'home', profile: 'quick', sizeClass: 'sd', work: 100 }
  const speed = { ...worker, profile: 'quick', sizeClass: 'sd', workPerSecond: 1_000 }
  for (const other of [{ profile: 'slow' }, { sizeClass: 'uhd' }, { work: 100_000 }]) {
    const prefetch = createPrefetch()
    prefetch.expect([speed], [job, { ...job, ...other }])
    prefetch.begin(worker)
    expect(prefetch.ahead(worker, mounted)).toBe(0)
  }
})

test('this machine gets none', () => {
  const { ahead, learn } = createPrefetch()
  learn(worker, done(0.2))
  expect(ahead(worker, { type: 'local' })).toBe(0)
})
