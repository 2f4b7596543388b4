import { expect, test } from 'vitest'
import { followResult } from '../../src/job/follow-result.ts'
import type { JobContext, StageProgress } from '../../src/job/job-context.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import type { MediaRoute } from '../../src/transfer/media-route.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const MIB = 1024 * 1024
const plan = createPlan('1', '/films/a.ts')
const large: JobPlan = { ...plan, source: { ...plan.source, sizeBytes: 1000 * MIB } }
const stage = (percent: number, mebibytes: number, savedPercent = 60): StageProgress => ({
  fps: 25,
  speed: 1,
  etaSeconds: 10,
  percent,
  sizeBytes: mebibytes * MIB,
  savedPercent,
})

/** A route on which a result comes as it grows; tells how many bytes were asked for. */
function open(of: JobPlan, error?: Error) {
  const told: number[] = []
  const signal = new AbortController()
  const follow: MediaRoute['follow'] = async (growth, options) => {
    if (error !== undefined) throw error
    for (let isWhole = false; !isWhole; ) {
      const there = await growth.more(told.at(-1) ?? 0)
      told.push(there.sizeBytes)
      options.onBytes?.(there.sizeBytes)
      isWhole = there.isWhole
    }
  }
  const route = { follow } as MediaRoute
  return { told, follower: followResult({ plan: of, signal: signal.signal } as JobContext, route) }
}

test('a result comes as it is written, and what is left when it is whole', async () => {
  await using stack = new AsyncDisposableStack()
  const { told, follower } = open(large)
  stack.use(follower)
  follower.report(stage(10, 10))
  await Promise.resolve()
  follower.report(stage(20, 20))
  const shown: number[] = []
  expect(await follower.finish(30 * MIB, (bytes) => shown.push(bytes))).toBe(true)
  expect(told[0]).toBe(10 * MIB)
  expect(told.at(-1)).toBe(30 * MIB)
  expect(shown.at(-1)).toBe(30 * MIB)
})

test('a result that could not be fetched that way is fetched the other way', async () => {
  const { follower } = open(large, new Error('no hash'))
  follower.report(stage(10, 10))
  expect(await follower.finish(30 * MIB, () => undefined)).toBe(false)
  await follower[Symbol.asyncDispose]()
})

test('one that shrinks, because ffmpeg began again, is not gone on with', async () => {
  const { follower } = open(large)
  follower.report(stage(10, 10))
  follower.report(stage(5, 5))
  expect(await follower.finish(30 * MIB, () => undefined)).toBe(false)
})

test('is given up with the job', async () => {
  const { follower } = open(large)
  follower.report(stage(10, 10))
  await follower[Symbol.asyncDispose]()
})

const withOutput = (...output: readonly string[]): JobPlan => ({ ...large, arguments: { input: [], output } })
const withThreshold = { ...large, profile: { ...large.profile, threshold: 20 } }

test.for<[why: string, plan: JobPlan, at: StageProgress]>([
  ['will be small', large, stage(50, 5)],
  ['has hardly begun', large, stage(1, 10)],
  ['is larger than its source', large, stage(50, 1001)],
  ['is written anew at the end', withOutput('-c:v', 'libx265', '-movflags', '+faststart'), stage(10, 10)],
  ['is written by a muxer that the profile names', withOutput('-f', 'hls'), stage(10, 10)],
  ['has another container', { ...large, profile: { ...large.profile, extension: '.avi' } }, stage(10, 10)],
  ['may be thrown away', withThreshold, stage(30, 30, 25)],
  ['may be thrown away, for all that is known', withThreshold, stage(10, 10, 90)],
])('a result that %s is not fetched early', async ([, of, at]) => {
  const { told, follower } = open(of)
  follower.report(at)
  expect(await follower.finish(30 * MIB, () => undefined)).toBe(false)
  expect(told).toEqual([])
})

test('one that saves far more than its threshold is', async () => {
  const { follower } = open(withThreshold)
  follower.report(stage(30, 30, 50))
  expect(await follower.finish(30 * MIB, () => undefined)).toBe(true)
})
