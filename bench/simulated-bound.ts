/**
 * A time in which no placement is done, with all the foresight in the world: the least one in which, looked at loosely, the hosts could
 * do all jobs, and all of those that take at least so and so long, whatever that is.
 *
 * Loosely: the slots of a host encode without a gap from its first source to its last result, jobs are cut up at will between hosts, and
 * its link never rests. What is not cut: no host takes a job that it cannot do alone in that time, and a slot does whole jobs.
 */

import type { SimulatedCluster, SimulatedHost, SimulatedJob } from './random-cluster.ts'

/** Jobs that take at least so long: their number, what is least about them, and what they are together. */
interface LongJobs {
  readonly count: number
  readonly leastWork: number
  readonly leastFetchBytes: number
  readonly leastReturnBytes: number
  /** That the link has to carry as if they went alone, for each of them. */
  readonly leastLinkBytes: number
  readonly values: readonly Value[]
}

type Links = Pick<SimulatedCluster, 'bothRatio'>

/** A job counts as its work, or as the price of its bytes where that is less: then neither slots nor link can do more than their own. */
interface Value {
  /** Work a byte. */
  readonly price: number
  readonly all: number
}

/** So many thresholds of length are tried, evenly over the jobs, and so many prices of a byte in work. */
const THRESHOLDS = 60
const PRICES = [0.4, 0.7, 0.9, 1, 1.1, 1.5, 3]
const PRECISION = 1e-4

export function findLowerBound({ hosts, jobs, bothRatio }: SimulatedCluster): number {
  const groups = toLongJobs(jobs, { bothRatio })
  const alone = jobs.map((job) => Math.min(...hosts.map((host) => aloneSeconds(host, job.work, job.fetchBytes + job.returnBytes))))
  let low = alone.reduce((most, seconds) => Math.max(most, seconds), 0)
  const isEnough = (seconds: number): boolean => groups.every((group) => canDo(hosts, group, seconds, { bothRatio }))
  if (isEnough(low)) return low
  let high = low
  while (!isEnough(high)) high *= 2
  while (high - low > high * PRECISION) {
    const middle = (low + high) / 2
    if (isEnough(middle)) high = middle
    else low = middle
  }
  return low
}

function canDo(hosts: readonly SimulatedHost[], group: LongJobs, seconds: number, links: Links): boolean {
  const leastBytes = group.leastFetchBytes + group.leastReturnBytes
  const able = hosts.filter((host) => aloneSeconds(host, group.leastWork, leastBytes) <= seconds)
  const views = able.map((host) => ({
    host,
    slotSeconds: toSlotSeconds(host, leastBytes, seconds),
    linkBytes: host.linkBytesPerSecond * (seconds - restSeconds(host, group, links)) + ROUNDING,
  }))
  let count = 0
  for (const { host, slotSeconds, linkBytes } of views) {
    const jobSeconds = group.leastWork / host.speed
    const inOneSlot = Math.floor((slotSeconds.longest + ROUNDING) / jobSeconds)
    const inSlots = Math.min(inOneSlot * host.slots, Math.floor((slotSeconds.all + ROUNDING) / jobSeconds))
    count += leastBytes === 0 ? inSlots : Math.min(inSlots, Math.floor(linkBytes / group.leastLinkBytes))
  }
  if (count < group.count) return false
  return group.values.every(({ price, all }) => {
    const done = views.map(({ host, slotSeconds, linkBytes }) => {
      const bySlots = slotSeconds.all * host.speed
      return leastBytes === 0 ? bySlots : Math.min(bySlots, price * linkBytes)
    })
    return sum(done) >= all * (1 - PRECISION)
  })
}

/** Where results take nothing of what sources have, a link has none to carry while the last one is encoded and its result goes back. */
function restSeconds(
  { speed, linkBytesPerSecond }: SimulatedHost,
  { leastWork, leastReturnBytes }: LongJobs,
  { bothRatio }: Links,
): number {
  return bothRatio === 1 ? leastWork / speed + leastReturnBytes / linkBytesPerSecond : 0
}

/** The n-th slot begins after the n-th source has come, and the n-th last result leaves when all behind it can still follow. */
function toSlotSeconds(host: SimulatedHost, leastBytes: number, seconds: number): { readonly longest: number; readonly all: number } {
  const lead = leastBytes / host.linkBytesPerSecond
  let all = 0
  for (let slot = 1; slot <= host.slots; slot += 1) all += Math.max(0, seconds - slot * lead)
  return { longest: Math.max(0, seconds - lead), all }
}

function aloneSeconds(host: SimulatedHost, work: number, bytes: number): number {
  return work / host.speed + bytes / host.linkBytesPerSecond
}

function toLongJobs(jobs: readonly SimulatedJob[], links: Links): readonly LongJobs[] {
  const longestFirst = jobs.toSorted((a, b) => b.work - a.work)
  const counts = Array.from({ length: THRESHOLDS }, (_, index) => Math.ceil(((index + 1) / THRESHOLDS) * jobs.length))
  return [...new Set(counts)].map((count) => {
    const members = longestFirst.slice(0, count)
    return {
      count,
      leastWork: members.at(-1)?.work ?? 0,
      leastFetchBytes: members.reduce((least, { fetchBytes }) => Math.min(least, fetchBytes), Number.POSITIVE_INFINITY),
      leastReturnBytes: members.reduce((least, { returnBytes }) => Math.min(least, returnBytes), Number.POSITIVE_INFINITY),
      leastLinkBytes: members.reduce((least, job) => Math.min(least, toLinkBytes(job, links)), Number.POSITIVE_INFINITY),
      values: toValues(members, links),
    }
  })
}

function toValues(jobs: readonly SimulatedJob[], links: Links): readonly Value[] {
  const work = sum(jobs.map((job) => job.work))
  const bytes = sum(jobs.map((job) => toLinkBytes(job, links)))
  if (bytes === 0) return [{ price: Number.POSITIVE_INFINITY, all: work }]
  return PRICES.map((times) => {
    const price = (work / bytes) * times
    return { price, all: sum(jobs.map((job) => Math.min(job.work, price * toLinkBytes(job, links)))) }
  })
}

/** What its bytes cost a link in bytes that go there alone, or less. */
function toLinkBytes({ fetchBytes, returnBytes }: SimulatedJob, { bothRatio }: Links): number {
  return fetchBytes + returnBytes * (1 / bothRatio - 1)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

const ROUNDING = 1e-6
