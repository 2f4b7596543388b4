/** What a run asks of its planner. */

import type { Config, HostConfig } from '../model/config.ts'
import type { VerifyLevel } from '../model/plan.ts'
import type { Ffprobe } from './ffprobe.ts'

export interface EarlierResult {
  readonly runId: string
  readonly profile: string
  readonly sizeBytes: number
  /** The source's. */
  readonly mtimeMs: number
}

export interface PlanOptions {
  readonly config: Config
  readonly ffprobe: Ffprobe
  readonly outputFolder: string | undefined
  readonly keepsSource: boolean
  readonly overwrites: boolean
  /** Goes before what profiles and the configuration say. */
  readonly verify?: VerifyLevel | undefined
  /** Enabled hosts of each cluster that this run may use. */
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  /** What an earlier run made under this name, in the place of its source; nothing where it is left out. */
  readonly findResult?: ((path: string) => EarlierResult | undefined) | undefined
  readonly signal: AbortSignal
  readonly toJobId: (number: number) => string
}
