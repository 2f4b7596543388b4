/**
 * How many jobs a slot a host is given ahead. Where media travel, their sources are fetched meanwhile. A host that sees the media itself has
 * nothing to fetch, but to look at the source and to write down what will be made takes a while, too: where its jobs take seconds, one is
 * made ready. Where they take longer that is nothing, and a job that is bound to no host yet goes to whichever is free first. Before a host
 * has done its first job, what earlier runs have learned of it tells how long its jobs take; but what has a slot already goes first.
 */

import type { HostConfig } from '../../model/config.ts'
import type { JobOutcome } from '../../model/outcome.ts'
import type { ScheduledJob } from '../../scheduler/job-form.ts'
import type { KnownSpeed } from '../../scheduler/speeds.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { keyOfHost } from '../hosts/host-roster.ts'

type Place = Pick<WorkerSpec, 'cluster' | 'name'>

type ForetoldJob = Pick<ScheduledJob, 'cluster' | 'profile' | 'sizeClass' | 'work'>

export interface Prefetch {
  /** @param config undefined for a host that has gone. */
  ahead(worker: Place, config: Pick<HostConfig, 'type' | 'prefetch'> | undefined): number
  /** What is known of hosts beforehand, and the jobs that they are for: of a host that did not do all kinds of them, nothing is foretold. */
  expect(known: readonly KnownSpeed[], jobs: readonly ForetoldJob[]): void
  /** An attempt there encodes. True the first time. */
  begin(worker: Place): boolean
  /** How an attempt there ended. */
  learn(worker: Place, outcome: JobOutcome): void
}

const DEFAULT_PREFETCH = 1
/** To make a job ready takes 50 ms: half a percent of that. */
const SHORT_SECONDS = 10

export function createPrefetch(): Prefetch {
  /** By host. */
  const lastSeconds = new Map<string, number>()
  const expectedSeconds = new Map<string, number>()
  const busy = new Set<string>()

  function secondsOf(worker: Place): number {
    const key = keyOfHost(worker)
    return lastSeconds.get(key) ?? (busy.has(key) ? expectedSeconds.get(key) : undefined) ?? SHORT_SECONDS
  }

  return {
    ahead(worker, config) {
      const { type, prefetch = DEFAULT_PREFETCH } = config ?? {}
      if (type === 'streaming') return prefetch
      return type === 'mounted' && secondsOf(worker) < SHORT_SECONDS ? Math.min(prefetch, 1) : 0
    },
    expect(known, jobs) {
      const byHost = Map.groupBy(known, keyOfHost)
      for (const [key, speeds] of byHost) {
        const cluster = speeds[0]?.cluster
        const seconds = jobs.filter((job) => job.cluster === cluster).map((job) => foretell(job, speeds))
        if (seconds.length > 0) expectedSeconds.set(key, Math.max(...seconds))
      }
    },
    begin(worker) {
      const isFirst = !busy.has(keyOfHost(worker))
      busy.add(keyOfHost(worker))
      return isFirst
    },
    learn(worker, outcome) {
      if (outcome.kind === 'done') lastSeconds.set(keyOfHost(worker), outcome.seconds)
    },
  }
}

/** Infinity for a kind of job that nothing is known of. */
function foretell({ profile, sizeClass, work }: ForetoldJob, speeds: readonly KnownSpeed[]): number {
  const speed = speeds.find((known) => known.profile === profile && known.sizeClass === sizeClass)
  return speed === undefined ? Number.POSITIVE_INFINITY : work / speed.workPerSecond
}
