/**
 * The speeds of hosts from one run to the next: read from the ledger whenever a host comes up, be it at the start or added later, and
 * written with each job that taught one. Before it is up nobody knows which ffmpeg it has; of one that did a job lately that one counts
 * until then.
 */

import type { HostFacts } from '../../host/host.ts'
import type { TrialPlace } from '../../ledger/encoder-trials.ts'
import type { RememberedSpeeds } from '../../ledger/host-speeds.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Coming } from '../../scheduler/coming.ts'
import type { HostName, KnownLink, KnownSpeed, LearnedSpeed } from '../../scheduler/speeds.ts'
import { toMachine, toPlace } from '../encoders/encoder-trials.ts'
import { keyOfHost } from './host-roster.ts'

export interface SpeedMemory {
  recall(cluster: string, config: HostConfig, facts: HostFacts): void
  /** Of a host that is to be opened now; undefined where it has done nothing lately. */
  recallLately(cluster: string, config: HostConfig): Coming | undefined
  /** Of a host that was recalled. */
  remember(learned: LearnedSpeed): void
}

export type Seed = (speeds: readonly KnownSpeed[], links: readonly KnownLink[]) => void

/** Most hosts are up within a second or two, over far lines, too; whoever takes longer has been asleep. */
const COMES_WITHIN_MS = 5_000

/** All reject as the ledger does. */
export function createSpeedMemory(ledger: Pick<Ledger, 'recallSpeeds' | 'recallLately' | 'rememberSpeed'>, seed: Seed): SpeedMemory {
  const places = new Map<string, TrialPlace>()

  return {
    recall(cluster, config, facts) {
      const host = { cluster, name: config.name }
      const place = toPlace(config, facts)
      places.set(keyOfHost(host), place)
      const { speeds, links } = toKnown(host, ledger.recallSpeeds(place))
      seed(speeds, links)
    },
    recallLately(cluster, config) {
      // Of a name or a path below the home folder the host finds out the path only when it is up.
      const known = ledger.recallLately(toMachine(config), config.ffmpeg?.startsWith('/') ? config.ffmpeg : undefined)
      return known === undefined ? undefined : { withinMs: COMES_WITHIN_MS, ...toKnown({ cluster, name: config.name }, known) }
    },
    remember({ profile, sizeClass = '', workPerSecond, linkBytesPerSecond, linkBothRatio, ...host }) {
      const place = places.get(keyOfHost(host))
      const speed = { profile, sizeClass, workPerSecond }
      if (place !== undefined) ledger.rememberSpeed(place, { speed, linkBytesPerSecond, linkBothRatio })
    },
  }
}

function toKnown(host: HostName, { speeds, linkBytesPerSecond, linkBothRatio }: RememberedSpeeds): Pick<Coming, 'speeds' | 'links'> {
  return {
    speeds: speeds.map((speed) => ({ ...host, ...speed })),
    links: linkBytesPerSecond === undefined ? [] : [{ ...host, bytesPerSecond: linkBytesPerSecond, bothRatio: linkBothRatio }],
  }
}
