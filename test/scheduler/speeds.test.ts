import { describe, expect, test } from 'vitest'
import { simulateRun } from '../../bench/simulate-run.ts'
import { findLowerBound } from '../../bench/simulated-bound.ts'
import { createSpeeds, type Speeds } from '../../src/scheduler/speeds.ts'

const [QUICK, SLOW, OTHER] = ['quick', 'slow', 'other'].map((name) => ({ cluster: 'home', name })) as [HostName, HostName, HostName]
const HD = { profile: 'hevc', sizeClass: 'hd' }
const UHD = { profile: 'hevc', sizeClass: 'uhd' }

interface HostName {
  readonly cluster: string
  readonly name: string
}

describe('a host that was only tried', () => {
  test('is as fast as its trial while nobody has done anything, and counts as known', () => {
    const speeds = createTried()
    expect(speeds.get(QUICK, HD)).toBe(100)
    expect(speeds.knows(QUICK, HD)).toBe(true)
    expect(speeds.encodeSeconds(SLOW, { ...HD, work: 50 })).toBe(5)
  })

  test('counts by its ratio to a host that has done such jobs, and by its own as soon as there are some', () => {
    const speeds = createTried()
    speeds.learn(QUICK, HD, 20)
    expect(speeds.get(SLOW, HD)).toBeCloseTo(2)
    speeds.learn(SLOW, HD, 9)
    expect(speeds.get(SLOW, HD)).toBe(9)
  })

  test('counts by what a job under way lets hope for elsewhere', () => {
    const speeds = createTried()
    speeds.expect(QUICK, HD, 50)
    expect(speeds.get(SLOW, HD)).toBeCloseTo(5)
  })

  test('counts by jobs of other picture sizes while nobody has done one of this size', () => {
    const speeds = createTried()
    speeds.learn(QUICK, HD, 20)
    expect(speeds.get(SLOW, UHD)).toBeCloseTo(2)
  })

  test('counts as the mean where those that have done such jobs were not tried', () => {
    const speeds = createTried()
    speeds.learn(OTHER, HD, 7)
    expect(speeds.get(SLOW, HD)).toBe(7)
  })

  test('says nothing of other profiles, nor of hosts that were not', () => {
    const speeds = createTried()
    expect(speeds.get(QUICK, { profile: 'av1' })).toBeUndefined()
    expect(speeds.knows(OTHER, HD)).toBe(false)
    expect(speeds.get(OTHER, HD), 'as fast as most').toBe(55)
  })

  test('counts by its jobs of another kind rather than by its trial', () => {
    const speeds = createTried()
    for (const host of [QUICK, SLOW]) speeds.learn(host, { profile: 'av1' }, 3)
    speeds.learn(QUICK, HD, 20)
    expect(speeds.get(SLOW, HD)).toBe(20)
  })

  test.each([0, Number.NaN, Number.POSITIVE_INFINITY])('is not believed to be as fast as %d', (workPerSecond) => {
    const speeds = createSpeeds()
    speeds.seedTrial({ ...QUICK, profile: 'hevc', workPerSecond })
    expect(speeds.get(QUICK, HD)).toBeUndefined()
  })
})

test('a host that media travels to is not known by its trial before its link is', () => {
  const speeds = createTried()
  const far = { ...QUICK, isStreaming: true }
  expect(speeds.knows(far, HD)).toBe(false)
  expect(speeds.get(far, HD)).toBeUndefined()
  speeds.expectLink(far, 1e6)
  expect(speeds.knows(far, HD)).toBe(true)
  expect(speeds.get(far, HD)).toBe(100)
})

test('of a link, what was seen of it counts before what was remembered, and each way has all of it unless somebody knows better', () => {
  const speeds = createTried()
  expect(speeds.linkOf(QUICK)).toEqual({ bytesPerSecond: Number.POSITIVE_INFINITY, bothRatio: 1 })
  speeds.expectLink(QUICK, 2e6)
  speeds.seedLink({ ...QUICK, bytesPerSecond: 1e6, bothRatio: 0.6 })
  expect(speeds.linkOf(QUICK)).toEqual({ bytesPerSecond: 1e6, bothRatio: 0.6 })
  speeds.learnBothRatio(QUICK, 1)
  expect(speeds.linkOf(QUICK).bothRatio).toBeCloseTo(0.76)
  speeds.seedLink({ ...QUICK, bytesPerSecond: 9e6, bothRatio: 0.5 })
  expect(speeds.linkOf(QUICK).bytesPerSecond).toBe(1e6)
})

/** Two hosts ten times apart, the slow one listed first; five, of which one is quick; more than either. */
describe.each([
  { slow: 1, quick: 1, jobs: 1 },
  { slow: 4, quick: 1, jobs: 4 },
  { slow: 6, quick: 2, jobs: 4 },
])('a first run of $jobs jobs on $slow slow and $quick quick hosts', ({ slow, quick, jobs: count }) => {
  const hosts = [...Array<number>(slow).fill(1), ...Array<number>(quick).fill(10)].map((speed, index) => {
    return { name: `h${index}`, speed, slots: 1, linkBytesPerSecond: Number.POSITIVE_INFINITY }
  })
  const jobs = Array.from({ length: count }, (_, id) => ({ id: `${id}`, work: 600, expectedWork: 600, fetchBytes: 0, returnBytes: 0 }))
  const cluster = { hosts, jobs, knowledge: 'unknown', bothRatio: 1 } as const
  const run = async (trials?: ReadonlyMap<string, number>): Promise<number> =>
    (await simulateRun(cluster, 'fastest', undefined, trials)) / findLowerBound(cluster)

  test('takes twice as long or more without trials, and as long as it must with them, be they off by a half', async () => {
    expect(await run()).toBeGreaterThan(2)
    for (const factor of [0.5, 1, 1.5]) {
      expect(await run(new Map(hosts.map(({ name, speed }) => [name, speed === 1 ? 30 : 300 * factor])))).toBeLessThan(1.05)
    }
  })
})

function createTried(): Speeds {
  const speeds = createSpeeds()
  speeds.seedTrial({ ...QUICK, profile: 'hevc', workPerSecond: 100 })
  speeds.seedTrial({ ...SLOW, profile: 'hevc', workPerSecond: 10 })
  return speeds
}
