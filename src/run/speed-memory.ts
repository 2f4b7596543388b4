/**
 * The speeds of hosts from one run to the next: read from the ledger whenever a host comes up, be it at the start or added later, and
 * written with each job that taught one. Before it is up nobody knows which ffmpeg it has.
 */

import type { HostFacts } from '../host/host.ts'
import type { TrialPlace } from '../ledger/encoder-trials.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { HostConfig } from '../model/config.ts'
import type { KnownLink, KnownSpeed, LearnedSpeed } from '../scheduler/speeds.ts'
import { toPlace } from './encoder-trials.ts'
import { keyOfHost } from './host-roster.ts'

export interface SpeedMemory {
  recall(cluster: string, config: HostConfig, facts: HostFacts): void
  /** Of a host that was recalled. */
  remember(learned: LearnedSpeed): void
}

export type Seed = (speeds: readonly KnownSpeed[], links: readonly KnownLink[]) => void

/** Both reject as the ledger does. */
export function createSpeedMemory(ledger: Pick<Ledger, 'recallSpeeds' | 'rememberSpeed'>, seed: Seed): SpeedMemory {
  const places = new Map<string, TrialPlace>()

  return {
    recall(cluster, config, facts) {
      const host = { cluster, name: config.name }
      const place = toPlace(config, facts)
      places.set(keyOfHost(host), place)
      const { speeds, linkBytesPerSecond } = ledger.recallSpeeds(place)
      seed(
        speeds.map((speed) => ({ ...host, ...speed })),
        linkBytesPerSecond === undefined ? [] : [{ ...host, bytesPerSecond: linkBytesPerSecond }],
      )
    },
    remember({ profile, sizeClass = '', workPerSecond, linkBytesPerSecond, ...host }) {
      const place = places.get(keyOfHost(host))
      if (place !== undefined) ledger.rememberSpeed(place, { speed: { profile, sizeClass, workPerSecond }, linkBytesPerSecond })
    },
  }
}
