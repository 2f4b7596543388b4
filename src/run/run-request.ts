/** What one run is asked for, and the world it happens in. */

import type { Clock } from '../core/clock.ts'
import type { Host } from '../host/host.ts'
import type { Warner } from '../ledger/load-sqlite.ts'
import type { Config, HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { VerifyLevel } from '../model/plan.ts'
import type { Ffprobe } from '../plan/ffprobe.ts'
import type { ProfileChoice, Target } from '../plan/target.ts'
import type { StrategyName } from '../scheduler/strategy.ts'
import type { ConfigSource } from './hosts/watch-config.ts'

export interface RunRequest {
  readonly config: Config
  readonly targets: readonly Target[]
  /** Queue file to drain; its paths run with `queueTarget`. */
  readonly queueFile: string | undefined
  readonly queueTarget: { readonly cluster: string | undefined; readonly choice: ProfileChoice }
  readonly onlyHosts: readonly string[]
  readonly outputFolder: string | undefined
  readonly keepsSource: boolean
  readonly overwrites: boolean
  readonly isDryRun: boolean
  readonly isSequential: boolean
  readonly strategy: StrategyName
  /** Goes before what profiles and the configuration say. */
  readonly verify?: VerifyLevel | undefined
  /** Bytes a second of all hosts, instead of what the configuration says; 0 = no limit. */
  readonly rateLimitBytes?: number | undefined
  /** For the ledger: how it was called. */
  readonly argv: readonly string[]
}

export interface RunWorld {
  readonly cwd: string
  readonly stateFolder: string
  readonly pid: number
  /** Node's warnings go through it. */
  readonly warner: Warner
  readonly clock: Clock
  readonly emit: Emit
  /** Aborted with an `Interruption` on SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal
  /** Aborted when no further job shall be started (SIGUSR1). */
  readonly draining?: AbortSignal | undefined
  /** The configuration file, to be followed while the run works. */
  readonly configSource?: ConfigSource | undefined
  readonly createHost: (config: HostConfig) => Host
  /** Told what a person may want to know who looks closely. */
  readonly onNote?: ((message: string) => void) | undefined
  /** Undefined = the one that the configuration names, or that is on the PATH. */
  readonly ffprobe?: Ffprobe
}

/** Why a run was told to end. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  /** 128 + the signal's number. */
  readonly exitStatus: number

  constructor(signalName: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`Interrupted by ${signalName}`)
    this.exitStatus = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[signalName]
  }
}
