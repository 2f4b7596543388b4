import { expect, test } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import type { Emit } from '../../../src/model/events.ts'
import type { Pace } from '../../../src/plan/paced-ffprobe.ts'
import { createLookPace } from '../../../src/run/intake/look-pace.ts'

function begin({ slots = 1, encodesHere = false }: { readonly slots?: number; readonly encodesHere?: boolean } = {}) {
  const paces: Pace[] = []
  const told: string[] = []
  const second = Promise.withResolvers<void>()
  const sleep: Clock['sleep'] = () => second.promise
  const emit: Emit = (event) => void told.push(event)
  const signal = new AbortController().signal
  const pace = createLookPace({ emit, clock: { sleep }, signal, setPace: (wanted) => paces.push(wanted), slots, encodesHere })
  const queue = (first: number, last: number): void => {
    for (let number = first; number <= last; number += 1) {
      pace.emit('job.queued', { job: `job-${number}`, file: '/film.mkv', cluster: 'home', profile: 'quick', queue: '_default' })
    }
  }
  const start = (number: number): void => {
    pace.emit('job.started', { job: `job-${number}`, file: '/film.mkv', host: 'box', attempt: 1 })
  }
  return { paces, told, queue, start, endSecond: second.resolve, pace }
}

test('files are looked into quickly while few jobs wait, and beside the work when there are enough', () => {
  const { paces, queue, start } = begin()
  expect(paces.at(-1)).toBe('beside')
  queue(1, 7)
  expect(paces.at(-1)).toBe('beside')
  queue(8, 8)
  expect(paces.at(-1)).toBe('idle')
  start(1)
  expect(paces.at(-1)).toBe('full')
  queue(9, 9)
  expect(paces.at(-1)).toBe('idle')
})

test('two jobs for each slot are enough', () => {
  const { paces, queue } = begin({ slots: 6 })
  queue(1, 11)
  expect(paces.at(-1)).toBe('beside')
  queue(12, 12)
  expect(paces.at(-1)).toBe('idle')
})

test('where this machine encodes none is looked into until a job has started', () => {
  const { paces, queue, start } = begin({ encodesHere: true })
  queue(1, 2)
  expect(paces.at(-1)).toBe('none')
  start(1)
  expect(paces.at(-1)).toBe('full')
})

test('or until that has taken a second', async () => {
  const { paces, endSecond } = begin({ encodesHere: true })
  endSecond()
  await new Promise(setImmediate)
  expect(paces.at(-1)).toBe('full')
})

test('a job that comes to its end before it has started waits no longer', () => {
  const { paces, queue, pace } = begin()
  queue(1, 8)
  pace.emit('job.skipped', { job: 'job-1', file: '/film.mkv', reason: 'It is small enough' })
  expect(paces.at(-1)).toBe('beside')
})

test('all is passed on, and at the end nothing is held back', () => {
  const { paces, told, queue, start, pace } = begin({ encodesHere: true })
  queue(1, 1)
  pace.emit('warning', { message: 'whatever' })
  start(1)
  pace[Symbol.dispose]()
  expect(told).toEqual(['job.queued', 'warning', 'job.started'])
  expect(paces.at(-1)).toBe('full')
})
