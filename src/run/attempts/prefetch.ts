/**
 * How many jobs a slot a host is given ahead. Where media travel, their sources are fetched meanwhile. A host that sees the media itself has
 * nothing to fetch, but to look at the source and to write down what will be made takes a while, too: where its jobs take seconds, one is
 * made ready. Where they take longer that is nothing, and a job that is bound to no host yet goes to whichever is free first.
 */

import type { HostConfig } from '../../model/config.ts'
import type { JobOutcome } from '../../model/outcome.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { keyOfHost } from '../hosts/host-roster.ts'

type Place = Pick<WorkerSpec, 'cluster' | 'name'>

export interface Prefetch {
  /** @param config undefined for a host that has gone. */
  ahead(worker: Place, config: Pick<HostConfig, 'type' | 'prefetch'> | undefined): number
  /** How an attempt there ended. */
  learn(worker: Place, outcome: JobOutcome): void
}

const DEFAULT_PREFETCH = 1
/** To make a job ready takes 50 ms: half a percent of that. */
const SHORT_SECONDS = 10

export function createPrefetch(): Prefetch {
  /** By host. */
  const lastSeconds = new Map<string, number>()
  return {
    ahead(worker, config) {
      const { type, prefetch = DEFAULT_PREFETCH } = config ?? {}
      if (type === 'streaming') return prefetch
      const isShort = (lastSeconds.get(keyOfHost(worker)) ?? SHORT_SECONDS) < SHORT_SECONDS
      return type === 'mounted' && isShort ? Math.min(prefetch, 1) : 0
    },
    learn(worker, outcome) {
      if (outcome.kind === 'done') lastSeconds.set(keyOfHost(worker), outcome.seconds)
    },
  }
}
