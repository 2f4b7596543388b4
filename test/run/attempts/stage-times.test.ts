import { expect, test } from 'vitest'
import { createLinkMeter } from '../../../src/run/attempts/link-meter.ts'
import { createStageTimes } from '../../../src/run/attempts/stage-times.ts'

function createHost() {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const link = createLinkMeter(clock)
  return {
    pass(ms: number) {
      clock.nowMs += ms
    },
    attempt() {
      const times = createStageTimes(clock, link)
      return {
        ...times,
        spend(stage: string, ms: number) {
          times.begin(stage)
          clock.nowMs += ms
        },
      }
    },
  }
}

test('encoding and moving bytes are told apart, and what else an attempt does is neither', () => {
  const { spend, moved, end } = createHost().attempt()
  spend('fetch', 2000)
  moved('fetch', 10)
  moved('fetch', 20)
  spend('waiting', 60_000)
  spend('encode', 10_000)
  spend('verify', 500)
  spend('return', 1000)
  moved('return', 10)
  spend('replace', 300)
  expect(end()).toEqual({ encodeSeconds: 10, transferSeconds: 3, linkBytes: 30 })
})

test('a host that sees the media itself has no link to be learned', () => {
  const { spend, end } = createHost().attempt()
  spend('encode', 10_000)
  expect(end()).toEqual({ encodeSeconds: 10 })
})

test('what was only verified again teaches nothing', () => {
  const { spend, end } = createHost().attempt()
  spend('replace', 10_000)
  expect(end()).toBeUndefined()
})

test('a link is as fast as all that goes the same way over it at a time; what comes the other way takes nothing from it', () => {
  const host = createHost()
  const [one, other, returning] = [host.attempt(), host.attempt(), host.attempt()]
  returning.begin('encode')
  returning.begin('return')
  one.begin('fetch')
  host.pass(1000)
  one.moved('fetch', 100)
  other.begin('fetch')
  returning.moved('return', 70)
  host.pass(1000)
  one.moved('fetch', 150)
  other.moved('fetch', 50)
  for (const attempt of [one, other, returning]) attempt.begin('encode')
  expect(one.end()).toMatchObject({ transferSeconds: 2, linkBytes: 200 })
  expect(other.end()).toMatchObject({ transferSeconds: 1, linkBytes: 100 })
  expect(returning.end()).toMatchObject({ transferSeconds: 2, linkBytes: 70 })
})

test('what moves beside the encode is as fast as that, and tells nothing of the link', () => {
  const { spend, moved, end } = createHost().attempt()
  spend('encode', 60_000)
  moved('fetch', 1000)
  moved('return', 10)
  spend('return', 1000)
  moved('return', 20)
  spend('replace', 100)
  expect(end()).toEqual({ encodeSeconds: 60, arrivedBytes: 1000, transferSeconds: 1, linkBytes: 10 })
})

test('bytes that a broken connection has cost go over the link twice and count once', () => {
  const { spend, moved, end } = createHost().attempt()
  spend('fetch', 1000)
  moved('fetch', 80)
  moved('fetch', 60)
  moved('fetch', 100)
  spend('encode', 1000)
  expect(end()).toMatchObject({ linkBytes: 100 })
})

test('what was left of a result that had come beside its encode tells nothing of the link', () => {
  const { spend, moved, end } = createHost().attempt()
  spend('fetch', 2000)
  moved('fetch', 20)
  spend('encode', 10_000)
  moved('return', 9)
  spend('return', 1000)
  moved('return', 10)
  expect(end()).toEqual({ encodeSeconds: 10, transferSeconds: 2, linkBytes: 20 })
})
