/** What the ledger remembers of hosts: how fast each was (source bytes a second over its latest jobs, all stages counted), which encoders work. */

import { isEncodeError } from '../../core/errors.ts'
import { type LedgerOptions, openLedger } from '../../ledger/ledger.ts'
import type { JobRecord } from '../../ledger/records.ts'
import type { TrialMemory } from '../encoders/encoder-trials.ts'
import { NO_MEMORY } from '../encoders/try-usual-encoders.ts'

export type HostSpeeds = (cluster: string, host: string) => number | undefined

export interface HostMemory extends Disposable {
  readonly speeds: HostSpeeds
  readonly trials: TrialMemory
}

const MAX_JOBS = 500

/** A ledger that cannot be used remembers nothing: hosts can be looked at all the same. */
export function openHostMemory(options: LedgerOptions): HostMemory {
  try {
    const ledger = openLedger(options)
    return {
      speeds: toSpeeds(ledger.listJobs({ states: ['done'], limit: MAX_JOBS })),
      trials: ledger,
      [Symbol.dispose]: () => ledger[Symbol.dispose](),
    }
  } catch (error) {
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    return { speeds: () => undefined, trials: NO_MEMORY, [Symbol.dispose]: () => {} }
  }
}

export function toSpeeds(jobs: readonly JobRecord[]): HostSpeeds {
  const sums = new Map<string, { bytes: number; ms: number }>()
  for (const { cluster, host, sourceBytes, startedAtMs, finishedAtMs } of jobs) {
    if (host === undefined || startedAtMs === undefined || finishedAtMs === undefined || finishedAtMs <= startedAtMs) continue
    const sum = sums.get(keyOf(cluster, host)) ?? { bytes: 0, ms: 0 }
    sums.set(keyOf(cluster, host), { bytes: sum.bytes + sourceBytes, ms: sum.ms + finishedAtMs - startedAtMs })
  }
  return (cluster, host) => {
    const sum = sums.get(keyOf(cluster, host))
    return sum === undefined ? undefined : (sum.bytes / sum.ms) * 1000
  }
}

function keyOf(cluster: string, host: string): string {
  return JSON.stringify([cluster, host])
}
