/** On which hosts of a run no further source need be tried to be read while it arrives. */

import type { HostConfig } from '../model/config.ts'

export interface ArrivalMemory {
  mayTry(host: HostConfig): boolean
  /** @param why a sentence, told once. */
  giveUp(host: HostConfig, why: string): void
}

export function createArrivalMemory(onNote?: (message: string) => void): ArrivalMemory {
  const unfit = new WeakSet<HostConfig>()
  return {
    mayTry: (host) => !unfit.has(host),
    giveUp(host, why) {
      if (unfit.has(host)) return
      unfit.add(host)
      onNote?.(`Host "${host.name}" encodes no source while it arrives: ${why}`)
    },
  }
}
