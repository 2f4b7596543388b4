/** What is to be done to one file: the profile resolved, the arguments made, the result named. */

import type { MediaInfo } from './media.ts'

/**
 * How a result is held against its source: `quick` looks at its length, its streams and both its ends, `full` has the host decode all of
 * it besides, `off` believes its size.
 */
export const VERIFY_LEVELS = ['quick', 'full', 'off'] as const
export type VerifyLevel = (typeof VERIFY_LEVELS)[number]

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
  /** Missing in plans of older ledgers: then `quick`. */
  readonly verify?: VerifyLevel | undefined
  /** Seconds without progress after which an encode or transfer is ended; 0 = never. Missing in plans of older ledgers: then the default. */
  readonly stallSeconds?: number | undefined
}

/** What `stallSeconds` is where nobody says it. */
export const DEFAULT_STALL_SECONDS = 300

/** What a host must be or have. Every list may be empty. */
export interface LabelNeeds {
  /** All of these. */
  readonly require: readonly string[]
  /** At least one of these, where there are any. */
  readonly any: readonly string[]
  /** Better with these, as far as there is a choice. */
  readonly prefer: readonly string[]
}

/** One way to encode a file. */
export interface PlanVariant {
  /** For people: the profile or encoder that the list of variants names. */
  readonly name: string
  readonly arguments: EncodeArguments
  /** Queues whose slots it may take; the first that a host has is the one. */
  readonly queues: readonly string[]
  readonly labels: LabelNeeds
}

/** ffmpeg arguments without the paths: `-y INPUT -i SOURCE OUTPUT RESULT`. */
export interface EncodeArguments {
  readonly input: readonly string[]
  /** Output options, audio, video, subtitle options and stream maps, in this order. */
  readonly output: readonly string[]
}

/** A cover picture that goes into the result as an attached file. */
export interface AttachedCover {
  /** Of the source. */
  readonly streamIndex: number
  /** ffmpeg's name of the picture's form: `mjpeg`, `png`. */
  readonly codec: string
  /** Its place among the attachments of the result. */
  readonly attachment: number
}

/** One source file, one profile, one result. */
export interface JobPlan {
  /** Unique within the run and in the ledger. */
  readonly id: string
  readonly cluster: string
  readonly source: MediaInfo
  readonly profile: Profile
  /** Of the last variant: what a host without hardware encoders is given. */
  readonly arguments: EncodeArguments
  /** Best first; the first that a host can do is taken there. Missing in plans of ledgers before there were variants: then `arguments`. */
  readonly variants?: readonly PlanVariant[]
  /** Rule that chose the profile; undefined when the command line did. */
  readonly rule: string | undefined
  /** Absolute path of the result on the controller. */
  readonly output: string
  /** The source goes away once the result stands (false with `-k` and `-o`). */
  readonly replacesSource: boolean
  /** A file of the result's name that is not the source may be replaced. */
  readonly mayOverwrite: boolean
  /** What of the source the result will lack or hold in another form, each a clause for a person. */
  readonly warnings?: readonly string[]
  /** Taken out of the source before the encode, since ffmpeg attaches files only. */
  readonly covers?: readonly AttachedCover[]
  /** Queue file that the source was read from; its line goes when the job is done. */
  readonly queueFile: string | undefined
}

/** The whole argument list that the configuration asks for, paths as given. */
export function toFfmpegArguments(args: EncodeArguments, source: string, result: string): readonly string[] {
  return ['-y', ...args.input, '-i', source, ...args.output, result]
}
