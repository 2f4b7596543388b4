/**
 * What trials of encoders are worth: first runs on random clusters of which nothing else is known, with and without, for trials that are
 * right and for those that are off. Times are in lower bounds, as in simulate-placement.ts.
 *
 *     node bench/simulate-trials.ts [--jobs 40] [--clusters 40] [--links]
 */

import { parseArgs } from 'node:util'
import { createRandomCluster } from './random-cluster.ts'
import { simulateRun } from './simulate-run.ts'
import { findLowerBound } from './simulated-bound.ts'
import { tryHosts } from './tried-hosts.ts'

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '40' },
    clusters: { type: 'string', default: '40' },
    links: { type: 'boolean', default: false },
  },
})

/** How far trials are off, see tried-hosts.ts. Undefined = there are none. */
const ERRORS = [undefined, 0, 0.3, 0.7, 1.5]
const ratios = new Map<number | undefined, number[]>(ERRORS.map((error) => [error, []]))
for (let number = 1; number <= Number(values.clusters); number += 1) {
  const cluster = createRandomCluster(number, { hasLinks: values.links, mostJobs: Number(values.jobs), knowledge: 'unknown' })
  for (const [error, own] of ratios) {
    const seconds = await simulateRun(cluster, 'fastest', undefined, error === undefined ? undefined : tryHosts(cluster.hosts, error))
    own.push(seconds / findLowerBound(cluster))
  }
}
process.stdout.write('| trials | mean | median | 95th percentile | most |\n|---|---|---|---|---|\n')
for (const [error, own] of ratios) process.stdout.write(`| ${[describe(error), ...summarize(own)].join(' | ')} |\n`)

function describe(error: number | undefined): string {
  if (error === undefined) return 'none'
  return error === 0 ? 'right' : `off by a factor of ${Math.exp(error).toFixed(1)}`
}

function summarize(unsorted: readonly number[]): readonly string[] {
  const sorted = [...unsorted].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  const mean = sorted.reduce((sum, ratio) => sum + ratio, 0) / sorted.length
  return [mean, at(0.5), at(0.95), at(1)].map((ratio) => ratio.toFixed(3))
}
