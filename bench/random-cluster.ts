/** A random cluster and its jobs, the same for the same number: what `simulate-placement.ts` compares strategies on. */

export interface SimulatedHost {
  readonly name: string
  /** Work a second in each of its slots. */
  readonly speed: number
  readonly slots: number
  /** One way; Infinity = it sees the media itself. */
  readonly linkBytesPerSecond: number
}

export interface SimulatedJob {
  readonly id: string
  /** What it really takes, and what it seems to take before it was done. */
  readonly work: number
  readonly expectedWork: number
  readonly fetchBytes: number
  readonly returnBytes: number
}

/**
 * `exact`: speeds and links are known and estimates right. `wrong`: estimates are up to 20 % off. `unknown`: no host has done anything yet,
 * its encoder was tried.
 */
export const KNOWLEDGE = ['exact', 'wrong', 'unknown'] as const
export type Knowledge = (typeof KNOWLEDGE)[number]

interface ClusterOptions {
  readonly hasLinks: boolean
  /** Of `SimulatedCluster`. */
  readonly bothRatio?: number | undefined
  readonly mostJobs?: number
  /** Undefined = each in turn, by the number of the cluster. */
  readonly knowledge?: Knowledge | undefined
}

export interface SimulatedCluster {
  readonly hosts: readonly SimulatedHost[]
  readonly jobs: readonly SimulatedJob[]
  readonly knowledge: Knowledge
  /** What each way of a link has while both are in use: 0.5 where they share it, 1 where each has its own. */
  readonly bothRatio: number
  /** The same as the run believes it to be at first; undefined = what it believes of any link. */
  readonly knownRatio?: number | undefined
}

/** Seconds that a job of usual length takes on the slowest host. */
const USUAL_WORK = 600
const ESTIMATE_ERROR = 0.2
const FASTEST = 20
const MOST_SLOTS = 3
/** A slow link carries as much as the slowest slot needs. */
const FASTEST_LINK = 50
const RESULT_SHARE = 0.4
const SHARED = 0.5

export function createRandomCluster(
  seed: number,
  { hasLinks, bothRatio = SHARED, mostJobs = 5000, knowledge = KNOWLEDGE[seed % KNOWLEDGE.length] ?? 'exact' }: ClusterOptions,
): SimulatedCluster {
  const random = createRandom(seed)
  const between = (least: number, most: number): number => least + random() * (most - least)
  const evenOnLogScale = (least: number, most: number): number => least * (most / least) ** random()
  const spread = between(0.3, 1)
  const hosts = Array.from({ length: Math.round(evenOnLogScale(2, 200)) }, (_, index) => {
    const [speed, slots, link] = [evenOnLogScale(1, FASTEST), Math.ceil(between(0, MOST_SLOTS)), evenOnLogScale(1, FASTEST_LINK)]
    return { name: `h${index}`, speed, slots, linkBytesPerSecond: hasLinks ? link : Number.POSITIVE_INFINITY }
  })
  const jobs = Array.from({ length: Math.ceil(between(0, mostJobs)) }, (_, index) => {
    const expectedWork = USUAL_WORK * Math.exp(spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
    const error = between(1 - ESTIMATE_ERROR, 1 + ESTIMATE_ERROR)
    return {
      id: String(index),
      work: knowledge === 'wrong' ? expectedWork * error : expectedWork,
      expectedWork,
      fetchBytes: hasLinks ? expectedWork : 0,
      returnBytes: hasLinks ? expectedWork * RESULT_SHARE : 0,
    }
  })
  return { hosts, jobs, knowledge, bothRatio, knownRatio: knowledge === 'unknown' ? undefined : bothRatio }
}

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
