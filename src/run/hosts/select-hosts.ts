/** Which hosts a run may use: the clusters named on the command line, `--host`, and what is disabled. */

import { EncodeError } from '../../core/errors.ts'
import { nearest } from '../../core/nearest.ts'
import { quoteAll } from '../../core/text.ts'
import { createHostConfig } from '../../host/create-host-config.ts'
import type { Config, HostConfig } from '../../model/config.ts'
import { LOCAL_CLUSTER } from '../../plan/target.ts'

/**
 * Hosts of each cluster, in the configuration's order; never an empty list.
 * Throws USAGE_INVALID for names that do not exist or leave a cluster without hosts.
 */
export function selectHosts(
  config: Config,
  clusters: readonly (string | undefined)[],
  onlyHosts: readonly string[],
): ReadonlyMap<string, readonly HostConfig[]> {
  const selected = new Map<string, readonly HostConfig[]>()
  if (clusters.includes(undefined) && clusters.includes(LOCAL_CLUSTER)) {
    const message = `Paths without "-c" are for this machine, which bears the name of the cluster "${LOCAL_CLUSTER}" of this run`
    throw new EncodeError('USAGE_INVALID', message, {
      hint: `Say "-c ${LOCAL_CLUSTER}" before all paths, or give that cluster another name`,
    })
  }
  for (const name of new Set(clusters))
    selected.set(name ?? LOCAL_CLUSTER, name === undefined ? [toLocalHost(config)] : hostsOf(config, name))
  if (onlyHosts.length === 0) {
    for (const [cluster, hosts] of selected) selected.set(cluster, enabledHosts(cluster, hosts))
    return selected
  }
  checkHostNames(selected, onlyHosts)
  for (const [cluster, hosts] of selected) {
    const pinned = hosts.filter((host) => onlyHosts.includes(host.name))
    if (pinned.length === 0) {
      throw new EncodeError('USAGE_INVALID', `"--host ${onlyHosts.join(' --host ')}" leaves cluster "${cluster}" without a host`, {
        hint: `Its hosts are ${quoteAll(hosts.map((host) => host.name))}`,
      })
    }
    selected.set(cluster, enabledHosts(cluster, pinned))
  }
  return selected
}

/** All hosts of a cluster, the disabled ones too. */
export function hostsOf(config: Config, name: string): readonly HostConfig[] {
  const cluster = config.clusters.find((candidate) => candidate.name === name)
  if (cluster !== undefined) return cluster.hosts
  const names = config.clusters.map((candidate) => candidate.name)
  const guess = nearest(name, names)
  throw new EncodeError('USAGE_INVALID', `There is no cluster "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`, {
    hint:
      names.length > 0
        ? `The configuration defines ${quoteAll(names)}`
        : config.file === undefined
          ? 'No configuration file was found; name one with -y FILE'
          : `"${config.file}" defines no clusters`,
  })
}

function enabledHosts(cluster: string, hosts: readonly HostConfig[]): readonly HostConfig[] {
  const enabled = hosts.filter((host) => host.isEnabled)
  if (enabled.length > 0) return enabled
  if (hosts.length === 0) {
    throw new EncodeError('USAGE_INVALID', `Cluster "${cluster}" has no hosts`, {
      hint: `Name them below "${cluster}:" in the configuration; "encode init" shows how, and "encode config show" where it is`,
    })
  }
  throw new EncodeError(
    'USAGE_INVALID',
    `All hosts of cluster "${cluster}" that could be used are disabled: ${quoteAll(hosts.map((host) => host.name))}`,
    {
      hint: 'Set "status: enabled" for one of them',
    },
  )
}

export function checkHostNames(selected: ReadonlyMap<string, readonly HostConfig[]>, onlyHosts: readonly string[]): void {
  const known = [...selected.values()].flat().map((host) => host.name)
  for (const name of onlyHosts) {
    if (known.includes(name)) continue
    const guess = nearest(name, known)
    throw new EncodeError(
      'USAGE_INVALID',
      `There is no host "${name}" in this run${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
      {
        hint: `Its hosts are ${quoteAll(known)}`,
      },
    )
  }
}

/** This machine, when no cluster is named. */
export function toLocalHost({ ffmpeg, ffprobe, queues, hasAutoQueues, checksum }: Config): HostConfig {
  return createHostConfig({ name: LOCAL_CLUSTER, type: 'local', ffmpeg, ffprobe, queues, hasAutoQueues, checksum })
}
