/**
 * The four kinds of work on which ways of encoding are compared. Links and encoders are about as quick as each other in each of them: there
 * it shows whether they work at the same time. Where one of the two takes nearly all of the time, every way takes about as long. They last long
 * enough that start-up, which is a second or two of every real run, is not most of what is measured.
 */

import { type FileSizes, type HostRates, lowerBound } from './lower-bound.ts'
import { CABLE_BURST_BYTES } from './shaped-link.ts'

export interface Workload {
  readonly name: string
  readonly title: string
  readonly files: number
  readonly sourceBytes: number
  readonly hosts: readonly WorkloadHost[]
}

export interface WorkloadHost {
  readonly name: string
  readonly slots: number
  /** Of one file in one slot. */
  readonly encodeSeconds: number
  readonly megabitsPerSecond: number
}

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'short',
    title: 'many short files',
    files: 24,
    sourceBytes: 8_000_000,
    hosts: ['one', 'two'].map((name) => ({ name, slots: 2, encodeSeconds: 2.4, megabitsPerSecond: 40 })),
  },
  {
    name: 'long',
    title: 'few long files',
    files: 8,
    sourceBytes: 22_000_000,
    hosts: ['one', 'two'].map((name) => ({ name, slots: 1, encodeSeconds: 4.4, megabitsPerSecond: 40 })),
  },
  {
    name: 'fast-host',
    title: 'one host three times as fast',
    files: 12,
    sourceBytes: 10_000_000,
    hosts: [
      { name: 'fast', slots: 1, encodeSeconds: 2, megabitsPerSecond: 40 },
      { name: 'slow', slots: 1, encodeSeconds: 6, megabitsPerSecond: 40 },
    ],
  },
  {
    name: 'slow-link',
    title: 'a slow link beside a fast one',
    files: 12,
    sourceBytes: 10_000_000,
    hosts: [
      { name: 'near', slots: 1, encodeSeconds: 2.4, megabitsPerSecond: 50 },
      { name: 'far', slots: 1, encodeSeconds: 2.4, megabitsPerSecond: 12.5 },
    ],
  },
]

/** A shorter one of the same kind, to see that the benchmark itself works. */
export function toQuick(workload: Workload): Workload {
  return { ...workload, files: Math.ceil(workload.files / 2) }
}

export function workloadBound({ files, hosts }: Workload, sizes: FileSizes): number {
  return lowerBound(hosts.map(toRates), files, sizes)
}

function toRates({ slots, encodeSeconds, megabitsPerSecond }: WorkloadHost): HostRates {
  return { slots, encodeSeconds, bytesPerSecond: (megabitsPerSecond * 1e6) / 8, burstBytes: CABLE_BURST_BYTES }
}
