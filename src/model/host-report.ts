/** What the doctor finds out about one host: plain values for views and for `--json`. */

import type { ErrorCode } from '../core/errors.ts'
import type { HostType } from './config.ts'

export type ProblemCode = ErrorCode | 'CLOCK_WRONG' | 'SPACE_LOW' | 'MEDIA_READ_ONLY' | 'FACTS_MISSING'

export interface HostProblem {
  readonly code: ProblemCode
  /** Keeps the host from being used; else it is a warning. */
  readonly isFatal: boolean
  readonly message: string
  /** What the person can do about it, one sentence. */
  readonly cure: string | undefined
}

export interface EncoderReport {
  /** As ffmpeg names it: `hevc_nvenc`. */
  readonly name: string
  /** `listed`: ffmpeg has it, but whether it works was not tried. */
  readonly state: 'works' | 'fails' | 'listed'
  /** Why it fails. */
  readonly reason: string | undefined
}

/** Whether a host sees one place of the controller's. */
export interface MediaSight {
  /** As the controller names it; the file or folder that was compared. */
  readonly path: string
  readonly hostPath: string
  /** Undefined where it could not be told. */
  readonly isSeen: boolean | undefined
}

/** A value is undefined where nobody could ask for it. */
export interface HostReport {
  /** `local` for this machine without a cluster. */
  readonly cluster: string
  readonly host: string
  readonly type: HostType
  readonly state: 'usable' | 'unusable' | 'disabled'
  readonly isReachable: boolean | undefined
  readonly isLoggedIn: boolean | undefined
  readonly os: string | undefined
  readonly arch: string | undefined
  readonly cores: number | undefined
  readonly memoryBytes: number | undefined
  readonly ffmpegPath: string | undefined
  /** Undefined with `hasFfmpeg` false: there is none that runs. */
  readonly ffmpegVersion: string | undefined
  readonly hasFfmpeg: boolean | undefined
  /** What ffmpeg was built to decode with (`-hwaccel`), whether or not there is a device. */
  readonly hwaccels: readonly string[]
  /** The encoders that profiles are made of. */
  readonly encoders: readonly EncoderReport[]
  readonly workingDir: string | undefined
  readonly isWorkingDirWritable: boolean | undefined
  readonly freeBytes: number | undefined
  /** Empty for hosts that need not see the media, and where nothing was named to look for. */
  readonly media: readonly MediaSight[]
  /** The host's clock minus ours; `errorSeconds` is how far that may be off. */
  readonly clock: { readonly differenceSeconds: number; readonly errorSeconds: number } | undefined
  /** Source bytes a second over its latest jobs. */
  readonly speedBytesPerSecond: number | undefined
  readonly problems: readonly HostProblem[]
}
