/** Opens every host of a dry run, side by side, says how each of them is and what it can do, and closes it again. */

import { describeError } from '../../core/errors.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Emit } from '../../model/events.ts'
import { tellHostUp } from '../hosts/tell-host-up.ts'

export interface ProbedHost {
  readonly cluster: string
  readonly config: HostConfig
}

export interface ProbeHostsOptions {
  readonly createHost: (config: HostConfig) => Host
  readonly emit: Emit
  readonly signal: AbortSignal
  readonly checkHost: (host: Host, cluster: string) => Promise<void>
  /** Finds out what it can do, after it has passed. */
  readonly learn: (cluster: string, host: Host, facts: HostFacts) => Promise<void>
}

/** Resolves to the hosts that are usable, in the configuration's order. */
export async function probeHosts(
  hosts: ReadonlyMap<string, readonly HostConfig[]>,
  options: ProbeHostsOptions,
): Promise<readonly ProbedHost[]> {
  const all = [...hosts].flatMap(([cluster, configs]) => configs.map((config) => ({ cluster, config })))
  const answers = await Promise.all(all.map((host) => probeHost(host, options)))
  return all.filter((_, index) => answers[index])
}

async function probeHost({ cluster, config }: ProbedHost, options: ProbeHostsOptions): Promise<boolean> {
  const { emit, signal } = options
  const host = options.createHost(config)
  try {
    const facts = await host.open(signal, { changesNothing: true })
    await options.checkHost(host, cluster)
    await options.learn(cluster, host, facts)
    tellHostUp(emit, cluster, config.name, facts)
    return true
  } catch (error) {
    signal.throwIfAborted()
    emit('host.down', { cluster, host: config.name, reason: describeError(error) })
    return false
  } finally {
    await host[Symbol.asyncDispose]().catch(() => {})
  }
}
