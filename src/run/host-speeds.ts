/** How fast each host was, as the ledger remembers it: source bytes a second over its latest jobs, all stages counted. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { isEncodeError } from '../core/errors.ts'
import { openLedger } from '../ledger/ledger.ts'
import type { Warner } from '../ledger/load-sqlite.ts'
import type { JobRecord } from '../ledger/records.ts'

export type HostSpeeds = (cluster: string, host: string) => number | undefined

const MAX_JOBS = 500

/** Makes no ledger where there is none; one that cannot be read knows no speeds. */
export function readHostSpeeds(options: {
  readonly folder: string
  readonly clock: Clock
  readonly pid: number
  readonly warner: Warner
}): HostSpeeds {
  if (!existsSync(join(options.folder, 'ledger.sqlite'))) return () => undefined
  try {
    using ledger = openLedger(options)
    return toSpeeds(ledger.listJobs({ states: ['done'], limit: MAX_JOBS }))
  } catch (error) {
    if (!isEncodeError(error, 'LEDGER_FAILED')) throw error
    return () => undefined
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
