/** What is to be done to one file: the profile resolved, the arguments made, the result named. */

import type { MediaInfo } from './media.ts'

/** A profile or template with everything resolved. */
export interface Profile {
  readonly name: string
  readonly kind: 'profile' | 'template'
  /** With its dot: `.mkv`. */
  readonly extension: string
  /** `_default` where the profile names none. */
  readonly queue: string
  /** Least saving in percent; 0 = any. */
  readonly threshold: number
  /** Percent done from which a hopeless encode is stopped; 100 = only the finished result is judged. */
  readonly thresholdCheck: number
}

/** ffmpeg arguments without the paths: `-y INPUT -i SOURCE OUTPUT RESULT`. */
export interface EncodeArguments {
  readonly input: readonly string[]
  /** Output options, audio, video, subtitle options and stream maps, in this order. */
  readonly output: readonly string[]
}

/** One source file, one profile, one result. */
export interface JobPlan {
  /** Unique within the run and in the ledger. */
  readonly id: string
  readonly cluster: string
  readonly source: MediaInfo
  readonly profile: Profile
  readonly arguments: EncodeArguments
  /** Rule that chose the profile; undefined when the command line did. */
  readonly rule: string | undefined
  /** Absolute path of the result on the controller. */
  readonly output: string
  /** The source goes away once the result stands (false with `-k` and `-o`). */
  readonly replacesSource: boolean
  /** A file of the result's name that is not the source may be replaced. */
  readonly mayOverwrite: boolean
  /** Queue file that the source was read from; its line goes when the job is done. */
  readonly queueFile: string | undefined
}

/** The whole argument list that the configuration asks for, paths as given. */
export function toFfmpegArguments(args: EncodeArguments, source: string, result: string): readonly string[] {
  return ['-y', ...args.input, '-i', source, ...args.output, result]
}
