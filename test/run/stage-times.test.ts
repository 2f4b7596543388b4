import { expect, test } from 'vitest'
import { createStageTimes } from '../../src/run/stage-times.ts'

function createTimes() {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const times = createStageTimes(clock)
  const spend = (stage: string, ms: number): void => {
    times.begin(stage)
    clock.nowMs += ms
  }
  return { times, spend }
}

test('encoding and moving bytes are told apart, and what else an attempt does is neither', () => {
  const { times, spend } = createTimes()
  spend('fetch', 2000)
  spend('encode', 10_000)
  spend('verify', 500)
  spend('return', 1000)
  spend('replace', 300)
  expect(times.end(30)).toEqual({ encodeSeconds: 10, transferSeconds: 3, transferBytes: 30 })
})

test('a host that sees the media itself has no link to be learned', () => {
  const { times, spend } = createTimes()
  spend('encode', 10_000)
  expect(times.end(30)).toEqual({ encodeSeconds: 10 })
})

test('what was only verified again teaches nothing', () => {
  const { times, spend } = createTimes()
  spend('replace', 10_000)
  expect(times.end(30)).toBeUndefined()
})
