/** What earlier runs found out of the ffmpegs of hosts: a host whose ffmpeg is still the same file need not be waited for until it has started. */

import { parseKnownFfmpeg, toKnownFfmpeg } from '../../host/facts/known-ffmpeg.ts'
import type { HostFacts, KnownFfmpeg, OpenOptions } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { HostConfig } from '../../model/config.ts'
import { toMachine } from '../encoders/encoder-trials.ts'

export interface FfmpegMemory {
  /** How to open the host. */
  recall(config: HostConfig): OpenOptions
  remember(config: HostConfig, facts: HostFacts): void
}

/** A ledger that cannot be used is for others to complain of: nothing is lost with this. */
export function createFfmpegMemory(ledger: Pick<Ledger, 'recallFfmpeg' | 'rememberFfmpeg'>): FfmpegMemory {
  return {
    recall(config) {
      const said = attempt(() => ledger.recallFfmpeg(toMachine(config), config.ffmpeg))
      const ffmpeg = said === undefined ? undefined : parseKnownFfmpeg(said)
      if (ffmpeg === undefined) return {}
      return { known: { ffmpeg, onOther: () => keep(config, undefined) } }
    },
    remember(config, facts) {
      const known = toKnownFfmpeg(facts)
      if (known !== undefined) keep(config, known)
    },
  }

  function keep(config: HostConfig, known: KnownFfmpeg | undefined): void {
    attempt(() => ledger.rememberFfmpeg(toMachine(config), config.ffmpeg, known && JSON.stringify(known)))
  }
}

function attempt<Result>(call: () => Result): Result | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
