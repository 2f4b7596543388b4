/** The form in which profiles and templates are used: includes resolved, options as single arguments, each with its origin. */

import type { LanguageChoice, ProfileDefinition, SourcePlace, TemplateDefinition } from '../model/config.ts'
import type { LabelNeeds, VerifyLevel } from '../model/plan.ts'
import type { OptionPiece, ValueOrigin } from './options.ts'

/** In the order in which their options stand on ffmpeg's command line. */
export const SECTIONS = ['audio', 'video', 'subtitle'] as const
export type Section = (typeof SECTIONS)[number]

/** What is one value and not a list of options: the nearest that was written holds. */
export const SETTINGS = [
  'extension',
  'queue',
  'threshold',
  'thresholdCheck',
  'stallSeconds',
  'verify',
  'automap',
  'streamSafety',
  'audio',
  'subtitle',
  'variants',
  'require',
  'any',
  'prefer',
] as const
export type Setting = (typeof SETTINGS)[number]

/** Who contributed what a resolved profile has. */
export interface ProfileOrigins {
  readonly input: readonly OptionPiece[]
  readonly output: readonly OptionPiece[]
  readonly sections: Readonly<Partial<Record<Section, readonly OptionPiece[]>>>
  /** A setting that nobody wrote, and is default, has none. */
  readonly settings: Readonly<Partial<Record<Setting, ValueOrigin>>>
}

/** A profile or template, includes resolved. Options are single arguments. */
export interface ResolvedProfile {
  readonly name: string
  readonly kind: 'profile' | 'template'
  readonly description: string | undefined
  /** With its dot. Undefined for what is only there to be included or mixed in. */
  readonly extension: string | undefined
  readonly queue: string
  readonly threshold: number
  readonly thresholdCheck: number
  /** Undefined: as section `config` says. */
  readonly stallSeconds?: number | undefined
  /** Undefined: as section `config` says. */
  readonly verify?: VerifyLevel | undefined
  readonly automap: boolean
  /** Asked for, or shipped, or includes a shipped one: its streams are chosen so that the container can hold them. */
  readonly keepsStreams: boolean
  readonly inputOptions: readonly string[]
  readonly outputOptions: readonly string[]
  /** What a mixin can replace. A section that is written but empty is there, too. */
  readonly sections: Readonly<Partial<Record<Section, readonly string[]>>>
  readonly audio: LanguageChoice
  readonly subtitle: LanguageChoice
  /** As written, best first; empty: only its own options. `resolveVariants` tells what they are. */
  readonly variants: readonly string[]
  readonly labels: LabelNeeds
  readonly place: SourcePlace
  readonly origins: ProfileOrigins
}

export const DEFAULT_QUEUE = '_default'
export const DEFAULT_THRESHOLD_CHECK = 100

/** `-c:v`, `-codec:v:0`, `-vcodec` */
export const VIDEO_CODEC_OPTION = /^-(?:(?:c|codec):v(?::.*)?|vcodec)$/

export type Definition = (ProfileDefinition | TemplateDefinition) & { readonly isShipped?: boolean }

/** Where a key of a definition was written. */
export function originIn({ name, isShipped = false, place, places }: Definition, key: string): ValueOrigin {
  return { profile: name, isShipped, place: places?.[key] ?? place }
}

/** The same for the entries of a list. */
export function originsIn(definition: Definition, key: string): (index: number | undefined) => ValueOrigin {
  return (index) => originIn(definition, index === undefined ? key : `${key}/${index}`)
}
