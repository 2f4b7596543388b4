/** The hosts of a run, as a screen shows them: in the order they were first told of, each with what it does. */

import type { Changing, ChangingJob, RunningJob } from './running-job.ts'

export interface HostState {
  readonly cluster: string
  readonly name: string
  readonly os: string | undefined
  readonly ffmpeg: string | undefined
  /** Why it is down; undefined while it is up. */
  readonly downReason: string | undefined
  /** Why it gets no new job; undefined while it does. */
  readonly drainingReason: string | undefined
  /** In the order they started. */
  readonly running: readonly RunningJob[]
  readonly doneCount: number
}

type ChangingHost = Omit<Changing<HostState>, 'running'> & { running: ChangingJob[] }

export interface HostStates {
  /** Made where it is told of for the first time. */
  of(event: { readonly cluster: string; readonly host: string }): ChangingHost
  /** Clusters may share a host's name; an event of a job names the host alone. */
  named(name: string, cluster: string | undefined): ChangingHost
  /** The attempt is over, wherever it was. */
  leave(job: ChangingJob): void
  all(): readonly HostState[]
}

export function createHostStates(): HostStates {
  const hosts = new Map<string, ChangingHost>()

  function of({ cluster, host: name }: { readonly cluster: string; readonly host: string }): ChangingHost {
    const key = JSON.stringify([cluster, name])
    const known = hosts.get(key)
    if (known !== undefined) return known
    const unknown = { os: undefined, ffmpeg: undefined, downReason: undefined, drainingReason: undefined }
    const host: ChangingHost = { cluster, name, ...unknown, running: [], doneCount: 0 }
    hosts.set(key, host)
    return host
  }

  return {
    of,
    named(name, cluster) {
      for (const host of hosts.values()) if (host.name === name && (cluster === undefined || host.cluster === cluster)) return host
      return of({ cluster: cluster ?? '', host: name })
    },
    leave(job) {
      for (const host of hosts.values()) {
        const index = host.running.indexOf(job)
        if (index !== -1) host.running.splice(index, 1)
      }
    },
    all: () => [...hosts.values()],
  }
}
