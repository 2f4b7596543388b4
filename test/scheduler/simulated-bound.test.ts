import { expect, test } from 'vitest'
import { createRandomCluster, type SimulatedCluster, type SimulatedHost, type SimulatedJob } from '../../bench/random-cluster.ts'
import { findLowerBound } from '../../bench/simulated-bound.ts'

test('no order of jobs on any hosts is done before the lower bound, with links and without', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const cluster = toTiny(seed)
    const least = Math.min(
      ...listSchedules(cluster).map((schedule) => Math.max(...schedule.map(([host, jobs]) => toSeconds(host, jobs, cluster)))),
    )
    expect(findLowerBound(cluster)).toBeLessThanOrEqual(least * (1 + 1e-9))
  }
})

test('the lower bound of one job on one host is what that takes', () => {
  const host = { name: 'h', speed: 2, slots: 1, linkBytesPerSecond: 5 }
  const job = { id: '1', work: 20, expectedWork: 20, fetchBytes: 10, returnBytes: 5 }
  expect(findLowerBound({ hosts: [host], jobs: [job], knowledge: 'exact', bothRatio: 0.5 })).toBeCloseTo(13, 3)
})

/** One host or two, of one slot or two, and four jobs. */
function toTiny(seed: number): SimulatedCluster {
  const cluster = createRandomCluster(seed, { hasLinks: seed % 4 > 0, mostJobs: 200, bothRatio: seed % 3 === 0 ? 1 : 0.5 })
  return { ...cluster, hosts: cluster.hosts.slice(0, 1 + (seed % 2)), jobs: cluster.jobs.slice(0, 4) }
}

type Schedule = readonly (readonly [SimulatedHost, readonly SimulatedJob[]])[]

/** Each order of the jobs, cut in two in each place. */
function listSchedules({ hosts: [first, second], jobs }: SimulatedCluster): readonly Schedule[] {
  if (first === undefined) return []
  return listOrders(jobs).flatMap((order): Schedule[] => {
    if (second === undefined) return [[[first, order]]]
    return Array.from(
      { length: order.length + 1 },
      (_, cut): Schedule => [
        [first, order.slice(0, cut)],
        [second, order.slice(cut)],
      ],
    )
  })
}

function listOrders(jobs: readonly SimulatedJob[]): readonly (readonly SimulatedJob[])[] {
  if (jobs.length === 0) return [[]]
  return jobs.flatMap((job) => listOrders(jobs.filter((other) => other !== job)).map((rest) => [job, ...rest]))
}

/**
 * Sources come in that order without a pause, each takes the slot that is free first, and results go back when the sources are all there,
 * or at once where each way has its own.
 */
function toSeconds(
  { speed, slots, linkBytesPerSecond }: SimulatedHost,
  jobs: readonly SimulatedJob[],
  { bothRatio }: SimulatedCluster,
): number {
  const free = Array<number>(slots).fill(0)
  let link = 0
  const results = jobs.map((job) => {
    link += job.fetchBytes / linkBytesPerSecond
    const slot = free.indexOf(Math.min(...free))
    const encoded = Math.max(link, free[slot] ?? 0) + job.work / speed
    free[slot] = encoded
    return { encoded, seconds: job.returnBytes / linkBytesPerSecond }
  })
  let end = bothRatio === 1 ? 0 : link
  for (const { encoded, seconds } of results.sort((a, b) => a.encoded - b.encoded)) end = Math.max(end, encoded) + seconds
  return jobs.length === 0 ? 0 : end
}
