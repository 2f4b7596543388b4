/** Is there a host with a slot for a profile? */

import { EncodeError } from '../core/errors.ts'
import { quoteAll } from '../core/text.ts'
import type { HostConfig } from '../model/config.ts'
import { HARDWARE_KINDS } from '../model/encoder.ts'

export interface QueuedPlan {
  readonly cluster: string
  readonly profile: { readonly name: string; readonly queue: string }
  readonly variants?: readonly { readonly queues: readonly string[] }[] | undefined
}

/** All that `queues: auto` can make. */
const AUTO_QUEUES: ReadonlySet<string> = new Set(['_default', 'cuda', ...HARDWARE_KINDS])

/** Throws CONFIG_INVALID. */
export function checkQueue({ cluster, profile, variants = [] }: QueuedPlan, hosts: ReadonlyMap<string, readonly HostConfig[]>): void {
  const clusterHosts = hosts.get(cluster) ?? []
  const queues = variants.length === 0 ? [profile.queue] : variants.flatMap((variant) => variant.queues)
  if (clusterHosts.some((host) => queues.some((queue) => mayHaveQueue(host, queue)))) return
  const known = quoteAll(new Set(clusterHosts.flatMap((host) => Object.keys(host.queues))))
  throw new EncodeError(
    'CONFIG_INVALID',
    `Profile "${profile.name}" runs in queue "${profile.queue}", which no usable host of cluster "${cluster}" has`,
    {
      hint: `The queues there are ${known}; name one of them in the profile, or give a host such a queue`,
    },
  )
}

/** Which queues `queues: auto` will make is known when the host was asked. */
function mayHaveQueue(host: HostConfig, queue: string): boolean {
  return host.hasAutoQueues === true ? AUTO_QUEUES.has(queue) : (host.queues[queue] ?? 0) > 0
}
