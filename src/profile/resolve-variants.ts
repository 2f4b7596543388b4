/**
 * The variants of a profile, each as a profile of its own. A variant makes the same of the picture with another encoder:
 * - an entry that names a profile takes that one's input and video options (its output options, where it writes its codec there);
 * - any other entry is an encoder, and takes the place of the one in the profile's own `-c:v`.
 * Sound, subtitles, languages, container, threshold and the result's name stay the profile's own: docs/decisions tells why.
 */

import type { Config } from '../model/config.ts'
import { hardwareKindOf } from '../model/encoder.ts'
import type { LabelNeeds } from '../model/plan.ts'
import { type OptionPiece, toArguments } from './options.ts'
import { resolveMixin } from './resolve-profile.ts'
import { type ProfileOrigins, type ResolvedProfile, VIDEO_CODEC_OPTION } from './resolved-profile.ts'

export interface ProfileVariant {
  /** As listed; the profile's own name where it lists none. */
  readonly name: string
  readonly profile: ResolvedProfile
  /** Queues whose slots it may take, the first that a host has. */
  readonly queues: readonly string[]
}

/** Best first, never empty. */
export function resolveVariants(config: Config, profile: ResolvedProfile): readonly [ProfileVariant, ...ProfileVariant[]] {
  const [first = profile.name, ...rest] = profile.variants
  const toVariant = (name: string): ProfileVariant => {
    const resolved = toVariantProfile(config, profile, name)
    return { name, profile: resolved, queues: queuesOf(resolved, profile.variants.length > 0) }
  }
  return [toVariant(first), ...rest.map(toVariant)]
}

/** Options that are not about the picture: of these the profile's own hold. */
const SOUND_OPTION = /:[as](?::.*)?$|^-(?:[as]codec|a[bcfnqr]|sn)$/

/** Names under which a configuration may have slots for a kind of hardware. */
const QUEUE_NAMES: Readonly<Record<string, readonly string[]>> = { nvenc: ['cuda', 'nvenc'] }

function toVariantProfile(config: Config, own: ResolvedProfile, name: string): ResolvedProfile {
  if (name === own.name) return own
  if (config.profiles.some((candidate) => candidate.name === name)) return withPictureOf(own, resolveMixin(config, name))
  return withEncoder(own, name)
}

function withPictureOf(own: ResolvedProfile, variant: ResolvedProfile): ResolvedProfile {
  const { video, ...ownSections } = own.origins.sections
  const sections = { ...variant.origins.sections, ...ownSections }
  const variantVideo = variant.origins.sections.video
  const writesCodecInOutput = variantVideo === undefined && variant.outputOptions.some((word) => VIDEO_CODEC_OPTION.test(word))
  const kept = variantVideo ?? (writesCodecInOutput ? undefined : video)
  const output = writesCodecInOutput
    ? mergePieces(own.origins.output, variant.origins.output)
    : without(own.origins.output, namesOf(variantVideo ?? []))
  const queue = variant.origins.settings.queue ?? own.origins.settings.queue
  const origins: ProfileOrigins = {
    input: mergePieces(own.origins.input, variant.origins.input),
    output,
    sections: kept === undefined ? omitVideo(sections) : { ...sections, video: kept },
    settings: { ...own.origins.settings, ...(queue === undefined ? {} : { queue }) },
  }
  return {
    ...withOrigins(own, origins),
    queue: variant.origins.settings.queue === undefined ? own.queue : variant.queue,
    labels: joinLabels(own.labels, variant.labels),
  }
}

/** The last `-c:v` is the one that ffmpeg follows; video options come after output options. */
function withEncoder(own: ResolvedProfile, encoder: string): ResolvedProfile {
  const { output, sections } = own.origins
  const { video } = sections
  if (video?.some(hasCodec) === true)
    return withOrigins(own, { ...own.origins, sections: { ...sections, video: replaceCodec(video, encoder) } })
  if (output.some(hasCodec)) return withOrigins(own, { ...own.origins, output: replaceCodec(output, encoder) })
  const origin = own.origins.settings.variants ?? { profile: own.name, isShipped: false, place: own.place }
  const added: OptionPiece = { arguments: ['-c:v', encoder], origin }
  return withOrigins(own, { ...own.origins, sections: { ...sections, video: [...(video ?? []), added] } })
}

function replaceCodec(pieces: readonly OptionPiece[], encoder: string): readonly OptionPiece[] {
  return pieces.map((piece) => ({
    ...piece,
    arguments: piece.arguments.map((word, at) => (VIDEO_CODEC_OPTION.test(piece.arguments[at - 1] ?? '') ? encoder : word)),
  }))
}

function hasCodec(piece: OptionPiece): boolean {
  return piece.arguments.some((word) => VIDEO_CODEC_OPTION.test(word))
}

/** The variant's first; of an option that both have the variant's value holds, unless it is about sound or subtitles. */
function mergePieces(own: readonly OptionPiece[], variant: readonly OptionPiece[]): readonly OptionPiece[] {
  const ownNames = new Set(namesOf(own))
  const taken = variant.filter((piece) => {
    const [name = ''] = piece.arguments
    return !(SOUND_OPTION.test(name) && ownNames.has(name))
  })
  return [...taken, ...without(own, namesOf(taken))]
}

function without(pieces: readonly OptionPiece[], names: readonly string[]): readonly OptionPiece[] {
  return pieces.filter(({ arguments: [name = ''] }) => !names.includes(name))
}

function namesOf(pieces: readonly OptionPiece[]): readonly string[] {
  return pieces.map(({ arguments: [name = ''] }) => name)
}

function omitVideo({ video: _, ...others }: ProfileOrigins['sections']): ProfileOrigins['sections'] {
  return others
}

function withOrigins(own: ResolvedProfile, origins: ProfileOrigins): ResolvedProfile {
  return {
    ...own,
    inputOptions: toArguments(origins.input),
    outputOptions: toArguments(origins.output),
    sections: Object.fromEntries(Object.entries(origins.sections).map(([section, pieces]) => [section, toArguments(pieces)])),
    origins,
  }
}

function joinLabels(own: LabelNeeds, variant: LabelNeeds): LabelNeeds {
  const join = (a: readonly string[], b: readonly string[]) => [...new Set([...a, ...b])]
  return {
    require: join(own.require, variant.require),
    any: own.any.length > 0 ? own.any : variant.any,
    prefer: join(own.prefer, variant.prefer),
  }
}

/**
 * A queue that is named is the one. Else shipped hardware options and variants take the slots that a host has for their kind; options
 * in pytranscoder's own form stay in `_default`, where they always ran.
 */
function queuesOf(profile: ResolvedProfile, isVariant: boolean): readonly string[] {
  if (profile.origins.settings.queue !== undefined) return [profile.queue]
  const pieces = [...profile.origins.output, ...(profile.origins.sections.video ?? [])]
  const isShipped = pieces.some((piece) => hasCodec(piece) && piece.origin.isShipped)
  const words = toArguments(pieces)
  const at = words.findLastIndex((word) => VIDEO_CODEC_OPTION.test(word))
  const kind = hardwareKindOf(words[at + 1] ?? '')
  if (kind === undefined || !(isVariant || isShipped)) return [profile.queue]
  return [...(QUEUE_NAMES[kind] ?? [kind]), profile.queue]
}
