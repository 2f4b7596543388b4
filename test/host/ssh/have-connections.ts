/** The SSH connections that a host of tests has, as its processes tell. */

import type { SshdHost } from '../../cluster/sshd-host.ts'
import { waitUntil } from '../../wait-until.ts'

/** Resolves when the host has so many SSH connections. */
export async function haveConnections(host: SshdHost, count: number): Promise<void> {
  // For a moment a process that sshd starts still bears sshd's own name.
  await waitUntil(async () => (await countConnections(host)) === count, { what: `"${host.name}" has ${count} connections` })
}

export async function countConnections(host: SshdHost): Promise<number> {
  return (await host.processes()).filter(({ args }) => args.startsWith('sshd: root')).length
}
