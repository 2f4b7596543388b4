/** Machines that one encode fills: a NAS, a small single-board computer. */

import type { HostConfig } from '../../model/config.ts'
import type { HostFacts } from '../host.ts'

/** A second encode of a film in high definition would have it swap: x265 takes 500 MB and more for one. */
const SMALL_MEMORY_BYTES = 2 ** 30
/** What is encoded there must not keep it from its own work, which is serving files. */
const SMALL_MACHINE_NICE = 10

export function isSmallMachine({ cores, memoryBytes }: Pick<HostFacts, 'cores' | 'memoryBytes'>): boolean {
  return cores === 1 || (memoryBytes !== undefined && memoryBytes < SMALL_MEMORY_BYTES)
}

/** `nice` as configured; a small machine is niced where nobody says otherwise. */
export function toNice({ nice }: Pick<HostConfig, 'nice'>, facts: Pick<HostFacts, 'cores' | 'memoryBytes'>): number | undefined {
  return nice ?? (isSmallMachine(facts) ? SMALL_MACHINE_NICE : undefined)
}
