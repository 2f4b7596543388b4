/** The configuration, typed and frozen. Made by `src/config`, read by everybody. */

import type { VerifyLevel } from './plan.ts'

/** Where a value was written; lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type HostType = 'mounted' | 'streaming' | 'local'
export type HostOs = 'linux' | 'macos' | 'windows' | 'freebsd' | 'openbsd' | 'netbsd'
export type HostKeyCheck = 'strict' | 'accept-new'

/** One `path-substitutions` entry: `/controller/path/` → `/host/path/`. */
export interface PathSubstitution {
  readonly from: string
  readonly to: string
}

export interface HostConfig {
  readonly name: string
  readonly type: HostType
  readonly isEnabled: boolean
  /** Undefined where it was left out: then the host's name is what `~/.ssh/config` is asked for. */
  readonly address: string | undefined
  readonly port: number | undefined
  readonly user: string | undefined
  readonly identityFile: string | undefined
  readonly knownHosts: string | undefined
  /** Undefined = as the user's OpenSSH configuration says, else strict. */
  readonly hostKeyCheck: HostKeyCheck | undefined
  readonly proxyJump: string | undefined
  readonly os: HostOs | undefined
  readonly ffmpeg: string | undefined
  readonly ffprobe: string | undefined
  readonly workingDir: string | undefined
  readonly pathSubstitutions: readonly PathSubstitution[]
  /** Profiles and templates that this host takes; undefined = all. */
  readonly profiles: readonly string[] | undefined
  /** Slots of each queue. Never empty. */
  readonly queues: Readonly<Record<string, number>>
  /** `queues: auto`: the slots are set from what the host turns out to have. */
  readonly hasAutoQueues?: boolean | undefined
  /** Jobs at a time over all queues; undefined = as many as there are slots. */
  readonly maxJobs?: number | undefined
  /** What jobs leave free in its working folder; undefined = as section `config` says for this machine. */
  readonly minFreeBytes?: number | undefined
  /** How many sources are fetched ahead for each slot: the host's own value, or that of section `config`; undefined = the default. */
  readonly prefetch?: number | undefined
  /** Seconds between keepalives: the host's own value, or that of section `config`; undefined = the default. */
  readonly keepaliveSeconds?: number | undefined
  readonly labels: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** `nice -n` value; undefined: a small machine is niced, others are not. */
  readonly nice: number | undefined
  /** Both sides' SHA-256 of each transfer are compared. */
  readonly checksum?: boolean | undefined
  /** At most so many bytes a second go to it and come from it, together; undefined = no limit of its own. */
  readonly rateLimitBytes?: number | undefined
  readonly place: SourcePlace | undefined
}

export interface ClusterConfig {
  readonly name: string
  readonly hosts: readonly HostConfig[]
}

/** `include_languages`, `exclude_languages`, `default_language` of a profile's `audio` or `subtitle`. */
export interface LanguageChoice {
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly defaultLanguage: string | undefined
}

/** Options as written: a list of entries, or one string. */
export type OptionsText = string | readonly string[]

/** A profile as written, its includes not yet resolved. A key that is undefined was not written. */
export interface ProfileDefinition {
  readonly name: string
  readonly isShipped: boolean
  readonly description: string | undefined
  readonly include: readonly string[]
  readonly inputOptions: OptionsText | undefined
  readonly outputOptions: OptionsText | undefined
  readonly outputOptionsAudio: OptionsText | undefined
  readonly outputOptionsVideo: OptionsText | undefined
  readonly outputOptionsSubtitle: OptionsText | undefined
  /** With its dot: `.mkv`. */
  readonly extension: string | undefined
  readonly queue: string | undefined
  readonly threshold: number | undefined
  readonly thresholdCheck: number | undefined
  readonly automap: boolean | undefined
  readonly audio: LanguageChoice | undefined
  readonly subtitle: LanguageChoice | undefined
  /** Seconds without progress after which an encode or transfer is ended; 0 = never. Not written: as `config.stall_timeout` says. */
  readonly stallSeconds?: number | undefined
  /** Not written: as `config.verify` says. */
  readonly verify?: VerifyLevel | undefined
  /** `stream_safety`: streams are chosen, and adapted, so that the container can hold them. Not written: as `config.stream_safety` says. */
  readonly streamSafety?: boolean | undefined
  /** Profiles or encoders, best first: the first that a host can use is taken there. */
  readonly variants?: readonly string[] | undefined
  /** Labels that a host must have, all of them. */
  readonly require?: readonly string[] | undefined
  /** Labels of which a host must have one. */
  readonly any?: readonly string[] | undefined
  /** Labels that decide where hosts are equal otherwise. */
  readonly prefer?: readonly string[] | undefined
  readonly place: SourcePlace
  /** Where each key and each entry of a list was written, by key: `output_options_video`, `output_options_video/0`. */
  readonly places?: Readonly<Record<string, SourcePlace>>
}

/** The short form of a profile: `cli` strings, `audio-lang`, `subtitle-lang`. */
export interface TemplateDefinition {
  readonly name: string
  /** `cli.input-options`: pytranscoder takes a list here; a string is split at white space. */
  readonly inputOptions: OptionsText | undefined
  readonly videoCodec: string | undefined
  readonly audioCodec: string | undefined
  readonly subtitles: string | undefined
  /** Languages separated by spaces; `*` in front marks the default one. */
  readonly audioLang: string | undefined
  readonly subtitleLang: string | undefined
  readonly extension: string
  readonly queue: string | undefined
  readonly threshold: number
  readonly thresholdCheck: number
  readonly verify?: VerifyLevel | undefined
  readonly place: SourcePlace
  /** Where each key and each entry of a list was written, by key: `cli/video-codec`, `cli/input-options/0`. */
  readonly places?: Readonly<Record<string, SourcePlace>>
}

export type RuleCriterion = 'vcodec' | 'res_height' | 'res_width' | 'runtime' | 'filesize_mb' | 'fps' | 'path'

export interface RuleDefinition {
  readonly name: string
  /** A profile's or template's name, or `SKIP` (any case). */
  readonly profile: string
  /** In the order written; empty matches everything. Values as text: `>30`, `720-1081`, `!hevc`. */
  readonly criteria: readonly (readonly [RuleCriterion, string])[]
  readonly place: SourcePlace
}

export interface ConfigWarning {
  readonly message: string
  readonly place: SourcePlace
}

export interface Config {
  /** Undefined when there is no file and all is default. */
  readonly file: string | undefined
  readonly defaultQueueFile: string | undefined
  readonly ffmpeg: string | undefined
  readonly ffprobe: string | undefined
  /** Path of the system's OpenSSH client. */
  readonly ssh: string | undefined
  /** Slots of this machine when no cluster is named. Never empty. */
  readonly queues: Readonly<Record<string, number>>
  /** `queues: auto` for this machine. */
  readonly hasAutoQueues?: boolean | undefined
  readonly colorize: boolean | undefined
  readonly automap: boolean
  readonly flsPath: string | undefined
  /** `checksum` of section `config`; hosts of clusters have their own. */
  readonly checksum?: boolean | undefined
  /** `rate_limit` of section `config`: bytes a second of all hosts together; undefined = no limit. */
  readonly rateLimitBytes?: number | undefined
  /** `min_free` of section `config`; undefined = as by default. */
  readonly minFreeBytes?: number | undefined
  /** `max_failures`: failures in a row that set a host aside; 0 = never, undefined = as by default. */
  readonly maxFailures?: number | undefined
  /** `stall_timeout` of section `config`; 0 = never, undefined = as by default. */
  readonly stallSeconds?: number | undefined
  /** `verify` of section `config`; undefined = `quick`. */
  readonly verify?: VerifyLevel | undefined
  /** `stream_safety` of section `config`, for profiles and templates that do not say it; undefined = on for shipped ones and what includes them. */
  readonly streamSafety?: boolean | undefined
  /** `hard_links`: what becomes of a source that would be replaced and has other names; undefined = it is replaced, with a warning. */
  readonly hardLinks?: 'replace' | 'skip' | undefined
  readonly clusters: readonly ClusterConfig[]
  /** Shipped ones first, in their files' order; a user's profile of the same name has replaced its shipped one. */
  readonly profiles: readonly ProfileDefinition[]
  readonly templates: readonly TemplateDefinition[]
  readonly rules: readonly RuleDefinition[]
  readonly warnings: readonly ConfigWarning[]
}
