/** Room as a dry run sees it: each job as if it were the only one, on disks as they are at this moment. */

import type { Clock } from '../../core/clock.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { FinishedSize } from '../../ledger/finished-jobs.ts'
import type { HostConfig } from '../../model/config.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { Lack } from '../../scheduler/room.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { createRunSpace } from './run-space.ts'

/** What was found out about a host that is closed again. */
export interface SeenHost {
  readonly config: HostConfig
  readonly facts: HostFacts
}

export interface LookAheadOptions {
  readonly seenHost: (worker: WorkerSpec) => SeenHost | undefined
  readonly finishedSizes: (profile: string, limit: number) => readonly FinishedSize[]
  readonly flsPath: string | undefined
  readonly minFreeBytes: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Which of these hosts have too little room for a job, there or for its result here. */
export type LookAhead = (plan: JobPlan, workers: readonly WorkerSpec[]) => Promise<ReadonlyMap<WorkerSpec, Lack>>

export function createLookAhead({ seenHost, finishedSizes, ...options }: LookAheadOptions): LookAhead {
  let woken = Promise.withResolvers<void>()
  const space = createRunSpace({
    ...options,
    runId: '',
    ledger: { finishedSizes, hasOtherWork: () => false },
    openHost(worker) {
      const seen = seenHost(worker)
      return seen === undefined ? undefined : { facts: seen.facts, host: toClosedHost(seen) }
    },
    emit: () => {},
    wake: () => woken.resolve(),
  })

  return async (plan, workers) => {
    const lacks = new Map<WorkerSpec, Lack>()
    for (const worker of workers) {
      for (;;) {
        woken = Promise.withResolvers()
        const room = space.look(plan, worker)
        if (typeof room === 'object') lacks.set(worker, room)
        if (room !== 'asking' || seenHost(worker) === undefined) break
        await woken.promise
        options.signal.throwIfAborted()
      }
    }
    return lacks
  }
}

function toClosedHost({ config, facts }: SeenHost): Pick<Host, 'config' | 'freeBytes' | 'statFile'> {
  return {
    config,
    freeBytes: async () => facts.freeBytes,
    // Whether a mounted host sees the folder of the results is found out by the job: here it is believed.
    statFile: async () => ({ kind: 'folder', sizeBytes: 0 }),
  }
}
