/** Keeps the hosts of a run as its configuration file has them, while it works. */

import type { Clock } from '../../core/clock.ts'
import { EncodeError } from '../../core/errors.ts'
import type { Config } from '../../model/config.ts'
import type { Emit } from '../../model/events.ts'
import { applyHostChanges, describeChanges, findHostChanges, type HostsByCluster, hasOtherChanges } from './change-hosts.ts'
import type { HostRoster } from './host-roster.ts'
import { hostsOf, selectHosts } from './select-hosts.ts'
import { type ConfigSource, watchConfig } from './watch-config.ts'

export interface HostReload {
  /** As the run was called with. */
  readonly config: Config
  readonly select: (config: Config) => HostsByCluster
}

export interface FollowOptions {
  readonly reload: HostReload | undefined
  /** Undefined: there is no file to follow. */
  readonly source: ConfigSource | undefined
  readonly roster: HostRoster
  readonly emit: Emit
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Resolves when the signal is aborted. */
export async function followConfig({ reload, source, roster, emit, clock, signal }: FollowOptions): Promise<void> {
  if (reload === undefined || source === undefined) return
  let current = reload.config
  let hosts = reload.select(current)
  await watchConfig({ source, clock, signal, onRead, onInvalid })

  function onRead(config: Config, isOnDemand: boolean): void {
    let selected: HostsByCluster
    try {
      selected = reload?.select(config) ?? hosts
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      onInvalid(`${error.message}; "encode drain" ends a run after the jobs under way`)
      return
    }
    const changes = findHostChanges(hosts, selected)
    const told = describeChanges(changes, hasOtherChanges(current, config)) ?? (isOnDemand ? 'nothing has changed' : undefined)
    current = config
    hosts = selected
    if (told !== undefined) emit('warning', { message: `"${source?.file}" was read again: ${told}` })
    applyHostChanges(changes, roster)
  }

  function onInvalid(reason: string): void {
    emit('warning', { message: `"${source?.file}" has changed and cannot be used, so this run goes on as before: ${reason}` })
  }
}

/**
 * The hosts of a run in a configuration that has changed. Of the hosts that `--host` names, those count that are still there.
 * Throws USAGE_INVALID where a cluster would be left without a host.
 */
export function selectHostsAgain(config: Config, clusters: readonly (string | undefined)[], onlyHosts: readonly string[]): HostsByCluster {
  const names = new Set(clusters.flatMap((cluster) => (cluster === undefined ? [] : hostsOf(config, cluster).map(({ name }) => name))))
  const pins = onlyHosts.filter((name) => names.has(name))
  if (onlyHosts.length > 0 && pins.length === 0 && !clusters.includes(undefined)) {
    throw new EncodeError('USAGE_INVALID', `It has none of the hosts that were named with --host: ${onlyHosts.join(', ')}`)
  }
  return selectHosts(config, clusters, pins.length > 0 ? pins : onlyHosts)
}
