/** What one attempt at a job is given by the run. */

import type { Clock } from '../core/clock.ts'
import type { Host, HostFacts } from '../host/host.ts'
import type { Turn } from '../host/turn.ts'
import type { Stage } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'
import type { ArrivalMemory } from '../transfer/arrival-memory.ts'
import type { FileJournal, Reconnect } from '../transfer/media-route.ts'
import type { RunCp } from './carry-acl.ts'

/** Where a stage stands; null where it is not known. */
export interface StageProgress {
  /** 0 to 100. */
  readonly percent: number | null
  readonly fps: number | null
  readonly speed: number | null
  readonly etaSeconds: number | null
  readonly sizeBytes: number | null
  readonly savedPercent: number | null
}

/** The slot that the encode stage needs; as of the scheduler. */
export interface EncodeSlot {
  /** It is there: `take` resolves at once. */
  readonly hasSlot: boolean
  readonly take: () => Promise<void>
  readonly takeEarly: () => Promise<void>
  readonly release: () => void
  readonly withdrawn: AbortSignal
  readonly claimResult: () => boolean
}

/** Runs ffprobe on the controller and gives its standard output; rejects with SOURCE_UNREADABLE when it fails. */
export type ReadMedia = (ffprobeArguments: readonly string[], signal?: AbortSignal) => Promise<string>

export interface JobContext {
  readonly plan: JobPlan
  /** The first is 1. */
  readonly attempt: number
  readonly host: Host
  readonly facts: HostFacts
  readonly reconnect?: Reconnect | undefined
  readonly clock: Clock
  readonly slot: EncodeSlot
  readonly signal: AbortSignal
  readonly readMedia: ReadMedia
  /** Starts what carries access control lists. */
  readonly runCp?: RunCp | undefined
  readonly files: FileJournal
  readonly workFolder: () => Promise<string>
  readonly flsPath: string | undefined
  /** A place among the transfers of the run: for the source, for what of it is read while it comes, or for the result. Bytes where they are known. */
  readonly takeTurn?: ((what: 'fetch' | 'arrive' | 'return', sizeBytes?: number) => Turn) | undefined
  /** What the host's link was seen to carry that way, by all transfers of the run together; undefined where nobody knows yet. */
  readonly linkBytesPerSecond?: ((stage: 'fetch' | 'return') => number | undefined) | undefined
  /** Without it every source is fetched before it is encoded. */
  readonly arrivals?: ArrivalMemory | undefined
  /** Called before the stage is begun; the state is written when it returns. `replace` comes with what a later run needs to end it. */
  readonly onStage: (stage: Stage, result?: { readonly temporary: string; readonly outputBytes: number }) => void
  /** Resolves when the stages told so far outlive a power cut. */
  readonly flushStages: () => Promise<void>
  /** ffmpeg does not begin before this has resolved; without it, at once. */
  readonly mayEncode?: Promise<void> | undefined
  /** Told when ffmpeg has ended, before all of what it said has come: its slot may go to another job. */
  readonly onEncoded?: (() => void) | undefined
  readonly onProgress: (stage: Stage, progress: StageProgress) => void
  /** Bytes that have moved by now beside the encode stage: of a source that arrives, or a result that is fetched while it is written. */
  readonly onMoved?: ((way: 'fetch' | 'return', bytes: number) => void) | undefined
  /** The source is there, and the slot is not. */
  readonly onWaiting: () => void
  /** What the person should know of a job that goes well all the same. */
  readonly onWarning: (message: string) => void
  /** Path of the log that is written should the attempt fail. */
  readonly logFile: string
}
