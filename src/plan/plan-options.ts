/** What a run asks of its planner. */

import type { Config, HostConfig } from '../model/config.ts'
import type { VerifyLevel } from '../model/plan.ts'
import type { Ffprobe } from './ffprobe.ts'

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
  readonly signal: AbortSignal
  readonly toJobId: (number: number) => string
}
