/** Tells the scheduler how busy each host is, for strategies that ask. */

import type { Clock } from '../../core/clock.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import type { HostSession } from './host-session.ts'

export interface LoadPolling {
  readonly sessions: ReadonlyMap<string, HostSession>
  readonly setLoad: (worker: Pick<WorkerSpec, 'cluster' | 'name'>, cpuRatio: number) => void
  readonly clock: Clock
  readonly signal: AbortSignal
}

const LOAD_EVERY_MS = 2_000

/** Resolves when the signal is aborted. */
export async function pollLoads({ sessions, setLoad, clock, signal }: LoadPolling): Promise<void> {
  while (!signal.aborted) {
    await Promise.all(
      [...sessions.values()].map(async (session) => {
        const load = await session
          .current()
          ?.host.load(signal)
          .catch(() => undefined)
        if (load !== undefined) setLoad({ cluster: session.cluster, name: session.config.name }, load.cpuRatio)
      }),
    )
    await clock.sleep(LOAD_EVERY_MS, signal).catch(() => {})
  }
}
