/** Runs each workload by each way, in turn, and tells how long it took beside the lower bound. */

import { join } from 'node:path'
import { WAYS, type WayName, warmUp } from './encode-ways.ts'
import { openPacedCluster } from './paced-cluster.ts'
import { describeSpread, median } from './statistics.ts'
import { type Workload, workloadBound } from './workloads.ts'

export interface Comparison {
  readonly workload: Workload
  readonly boundSeconds: number
  /** Seconds of each way, round by round. */
  readonly seconds: Readonly<Record<WayName, readonly number[]>>
}

const WAY_NAMES = Object.keys(WAYS) as WayName[]

/** `folder` is used up; `onTime` is told of each call. */
export async function compareWays(
  workload: Workload,
  { rounds, folder, onTime }: { readonly rounds: number; readonly folder: string; readonly onTime: (text: string) => void },
): Promise<Comparison> {
  await using cluster = await openPacedCluster(workload, join(folder, workload.name))
  await warmUp(cluster)
  const seconds: Record<WayName, number[]> = { encode: [], parallel: [], loop: [] }
  for (let round = 0; round < rounds; round += 1) {
    // Each way begins a round once: what else this machine does meets them all.
    for (const name of [...WAY_NAMES.slice(round % WAY_NAMES.length), ...WAY_NAMES.slice(0, round % WAY_NAMES.length)]) {
      const took = await WAYS[name].run(cluster)
      seconds[name].push(took)
      onTime(`${workload.title}, round ${round + 1}, ${WAYS[name].title}: ${took.toFixed(1)} s`)
    }
  }
  return { workload, boundSeconds: workloadBound(workload, cluster.sizes), seconds }
}

export function renderComparisons(comparisons: readonly Comparison[]): string {
  const head = [
    'workload',
    'lower bound',
    'encode',
    'of the bound',
    'of GNU parallel',
    'of the copy–encode–copy loop',
    'GNU parallel',
    'loop',
  ]
  const rows = comparisons.map(({ workload, boundSeconds, seconds }) => [
    workload.title,
    `${boundSeconds.toFixed(1)} s`,
    `${median(seconds.encode).toFixed(1)} s`,
    describeSpread(seconds.encode.map((took) => took / boundSeconds)),
    `**${describeSpread(toRatios(seconds.encode, seconds.parallel))}**`,
    describeSpread(toRatios(seconds.encode, seconds.loop)),
    `${median(seconds.parallel).toFixed(1)} s`,
    `${median(seconds.loop).toFixed(1)} s`,
  ])
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Of the same round. */
function toRatios(seconds: readonly number[], of: readonly number[]): readonly number[] {
  return seconds.map((took, round) => took / (of[round] ?? Number.NaN))
}
