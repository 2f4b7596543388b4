/** Hosts on which jobs keep failing, as the world hears of them, and the look at one that was set aside for a while. */

import { describeError } from '../../core/errors.ts'
import { formatDuration } from '../../core/units.ts'
import type { Host } from '../../host/host.ts'
import type { Emit } from '../../model/events.ts'
import type { SetAside } from '../../scheduler/circuit-breaker.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import type { OpenHost } from './host-session.ts'
import { tellHostUp } from './tell-host-up.ts'

export interface HostHealthOptions {
  readonly openHost: (worker: WorkerSpec) => OpenHost | undefined
  /** The look before the first job. */
  readonly checkHost: (host: Host, cluster: string) => Promise<void>
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** What the scheduler asks for. */
export interface HostHealth {
  readonly probe: (worker: WorkerSpec) => Promise<string | undefined>
  readonly onSetAside: (worker: WorkerSpec, aside: SetAside) => void
  readonly onTakenBack: (worker: WorkerSpec) => void
}

const PROBE_TIMEOUT_MS = 30_000

export function createHostHealth({ openHost, checkHost, emit, signal }: HostHealthOptions): HostHealth {
  return {
    async probe(worker) {
      const open = openHost(worker)
      // Down meanwhile: when it is opened again, that was the look.
      if (open === undefined) return undefined
      const patience = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      try {
        await checkHost(open.host, worker.cluster)
        const { status } = await open.host.run([open.facts.ffmpegPath, '-version'], { signal: AbortSignal.any([signal, patience]) })
        return status === 0 ? undefined : `"${open.facts.ffmpegPath} -version" ends with status ${status}`
      } catch (error) {
        return patience.aborted ? `ffmpeg does not start within ${PROBE_TIMEOUT_MS / 1000} s` : describeError(error)
      }
    },
    onSetAside: ({ cluster, name }, aside) => emit('host.down', { cluster, host: name, reason: describeSetAside(aside) }),
    onTakenBack(worker) {
      const open = openHost(worker)
      if (open !== undefined) tellHostUp(emit, worker.cluster, worker.name, open.facts)
    },
  }
}

export function describeSetAside({ failures, reason, forMs }: SetAside): string {
  const time = formatDuration(forMs / 1000)
  if (failures === 0) return `Set aside for ${time} more: ${reason}`
  const jobs = failures === 1 ? 'a job failed there that another host did' : `${failures} jobs in a row failed there that other hosts did`
  return `Set aside for ${time}: ${jobs}; the last reason: ${reason}`
}
