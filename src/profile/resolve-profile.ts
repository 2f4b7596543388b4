/** Profiles with their includes resolved, and templates in the same form. */

import { EncodeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import type { Config, LanguageChoice, ProfileDefinition, SourcePlace, TemplateDefinition } from '../model/config.ts'
import type { LabelNeeds } from '../model/plan.ts'
import {
  mergeOptions,
  type OptionEntries,
  type OptionPiece,
  parseOptions,
  toArguments,
  toPieces,
  toWords,
  type ValueOrigin,
} from './options.ts'

/** In the order in which their options stand on ffmpeg's command line. */
export const SECTIONS = ['audio', 'video', 'subtitle'] as const
export type Section = (typeof SECTIONS)[number]

/** What is one value and not a list of options: the nearest that was written holds. */
export const SETTINGS = [
  'extension',
  'queue',
  'threshold',
  'thresholdCheck',
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

const DEFAULT_QUEUE = '_default'
const DEFAULT_THRESHOLD_CHECK = 100
const KEYS_OF_SETTINGS: Readonly<Record<Setting, string>> = {
  extension: 'extension',
  queue: 'queue',
  threshold: 'threshold',
  thresholdCheck: 'threshold_check',
  automap: 'automap',
  streamSafety: 'stream_safety',
  audio: 'audio',
  subtitle: 'subtitle',
  variants: 'variants',
  require: 'require',
  any: 'any',
  prefer: 'prefer',
}
/** `-c:v`, `-codec:v:0`, `-vcodec` */
export const VIDEO_CODEC_OPTION = /^-(?:(?:c|codec):v(?::.*)?|vcodec)$/
const NO_LABELS: LabelNeeds = { require: [], any: [], prefer: [] }
const EVERY_LANGUAGE: LanguageChoice = { include: [], exclude: [], defaultLanguage: undefined }

/** A configuration is frozen, so what is resolved of it once holds. */
const resolvedConfigs = new WeakMap<Config, ReadonlyMap<string, ResolvedProfile>>()

/**
 * The profile or template of that name; a template comes before a profile of the same name, as in pytranscoder.
 * @throws EncodeError USAGE_INVALID when there is none, CONFIG_INVALID when its includes cannot be resolved.
 */
export function resolveProfile(config: Config, name: string): ResolvedProfile {
  const template = config.templates.find((candidate) => candidate.name === name)
  if (template !== undefined) return fromTemplate(template, config.streamSafety ?? false)
  const profile = resolveProfiles(config).get(name)
  if (profile === undefined) throw unknownProfile(config, name)
  return profile
}

/**
 * The profile of that name, for its option sections.
 * @throws EncodeError USAGE_INVALID when there is none.
 */
export function resolveMixin(config: Config, name: string): ResolvedProfile {
  const profile = resolveProfiles(config).get(name)
  if (profile !== undefined) return profile
  if (config.templates.some((template) => template.name === name)) {
    throw new EncodeError('USAGE_INVALID', `"${name}" is a template and cannot be mixed in`, {
      hint: 'A mixin is a profile with output_options_audio, output_options_video or output_options_subtitle',
    })
  }
  throw unknownProfile(config, name, 'mixin')
}

export function hasProfile(config: Config, name: string): boolean {
  return config.templates.some((template) => template.name === name) || config.profiles.some((profile) => profile.name === name)
}

/** What to do about a name that does not exist. */
export function suggestProfile(config: Config, name: string): string {
  const names = [...config.profiles, ...config.templates].map((candidate) => candidate.name)
  const near = nearest(name, names)
  return near === undefined ? 'List what there is with "encode profiles"' : `Did you mean "${near}"?`
}

function unknownProfile(config: Config, name: string, word = 'profile or template'): EncodeError {
  return new EncodeError('USAGE_INVALID', `There is no ${word} "${name}"`, { hint: suggestProfile(config, name) })
}

/** Options that one or several profiles hold in common; see `include`. */
interface OptionsCell {
  entries: OptionEntries
}

/** A profile while its includes are merged in. */
interface Draft {
  definition: ProfileDefinition
  /** Shipped, or includes a shipped one. */
  isOfShipped: boolean
  /** It says how the picture is made and has no variants of that, or includes one that does: then variants that it includes are moot. */
  makesPicture: boolean
  readonly input: OptionsCell
  readonly output: OptionsCell
  readonly sections: Map<Section, OptionsCell>
  readonly settings: Map<Setting, ValueOrigin>
}

function resolveProfiles(config: Config): ReadonlyMap<string, ResolvedProfile> {
  const known = resolvedConfigs.get(config)
  if (known !== undefined) return known
  const drafts = new Map<string, Draft>()
  for (const definition of inOrderOfWriting(config.profiles)) toDraft(definition, config, drafts, [])
  const resolved = new Map([...drafts].map(([name, draft]) => [name, fromDraft(draft, config.streamSafety)]))
  resolvedConfigs.set(config, resolved)
  return resolved
}

/** Shipped ones, then the user's, line by line: a user's profile that took a shipped one's place stands where that stood. */
function inOrderOfWriting(profiles: readonly ProfileDefinition[]): readonly ProfileDefinition[] {
  const own = profiles.filter((profile) => !profile.isShipped).sort((a, b) => a.place.line - b.place.line)
  return [...profiles.filter((profile) => profile.isShipped), ...own]
}

function toDraft(definition: ProfileDefinition, config: Config, drafts: Map<string, Draft>, includedBy: readonly string[]): Draft {
  const { name, place } = definition
  const done = drafts.get(name)
  if (done !== undefined) return done
  if (includedBy.includes(name)) {
    throw new EncodeError('CONFIG_INVALID', `${at(place)}Profile "${name}" includes itself (${[...includedBy, name].join(' → ')})`, {
      hint: 'Take one of these names out of its "include"',
    })
  }
  const draft: Draft = {
    definition,
    isOfShipped: definition.isShipped,
    makesPicture: makesPicture(definition),
    input: { entries: parseOptions(definition.inputOptions ?? [], originsIn(definition, 'input_options')) },
    output: { entries: parseOptions(definition.outputOptions ?? [], originsIn(definition, 'output_options')) },
    sections: toSections(definition),
    settings: toSettings(definition),
  }
  for (const parentName of definition.include) {
    const parent = config.profiles.find((profile) => profile.name === parentName)
    if (parent === undefined) {
      throw new EncodeError('CONFIG_INVALID', `${at(place)}Profile "${name}" includes "${parentName}", which does not exist`, {
        hint: suggestProfile(config, parentName),
      })
    }
    include(draft, toDraft(parent, config, drafts, [...includedBy, name]))
  }
  if (definition.variants === undefined && draft.makesPicture) {
    draft.definition = { ...draft.definition, variants: undefined }
    draft.settings.delete('variants')
  }
  drafts.set(name, draft)
  return draft
}

/**
 * The child's value of each key wins, but options are merged. A section that the child lacks is not copied but shared with the parent,
 * so that what a further parent merges into it changes the first parent, too: so it is in pytranscoder, whose arguments must not
 * change. Shipped profiles, which pytranscoder does not have, are never changed.
 */
function include(child: Draft, parent: Draft): void {
  child.definition = withDefaults(child.definition, parent.definition)
  for (const [setting, origin] of parent.settings) if (!child.settings.has(setting)) child.settings.set(setting, origin)
  child.isOfShipped ||= parent.isOfShipped
  child.makesPicture ||= parent.makesPicture && parent.definition.variants === undefined
  mergeInto(child.input, parent.input)
  mergeInto(child.output, parent.output)
  for (const [section, cell] of parent.sections) {
    const own = child.sections.get(section)
    if (own === undefined) child.sections.set(section, parent.definition.isShipped ? { entries: cell.entries } : cell)
    else mergeInto(own, cell)
  }
}

function mergeInto(child: OptionsCell, parent: OptionsCell): void {
  child.entries = mergeOptions(child.entries, parent.entries)
}

function withDefaults(child: ProfileDefinition, parent: ProfileDefinition): ProfileDefinition {
  return {
    ...child,
    extension: child.extension ?? parent.extension,
    queue: child.queue ?? parent.queue,
    threshold: child.threshold ?? parent.threshold,
    thresholdCheck: child.thresholdCheck ?? parent.thresholdCheck,
    automap: child.automap ?? parent.automap,
    streamSafety: child.streamSafety ?? parent.streamSafety,
    audio: child.audio ?? parent.audio,
    subtitle: child.subtitle ?? parent.subtitle,
    variants: child.variants ?? parent.variants,
    require: child.require ?? parent.require,
    any: child.any ?? parent.any,
    prefer: child.prefer ?? parent.prefer,
  }
}

function makesPicture({ outputOptions = [], outputOptionsVideo }: ProfileDefinition): boolean {
  const words = (typeof outputOptions === 'string' ? [outputOptions] : outputOptions).flatMap(toWords)
  return outputOptionsVideo !== undefined || words.some((word) => VIDEO_CODEC_OPTION.test(word))
}

function toSections(definition: ProfileDefinition): Map<Section, OptionsCell> {
  const written = {
    audio: definition.outputOptionsAudio,
    video: definition.outputOptionsVideo,
    subtitle: definition.outputOptionsSubtitle,
  }
  const sections = new Map<Section, OptionsCell>()
  for (const section of SECTIONS) {
    const text = written[section]
    if (text !== undefined) sections.set(section, { entries: parseOptions(text, originsIn(definition, `output_options_${section}`)) })
  }
  return sections
}

function toSettings(definition: ProfileDefinition): Map<Setting, ValueOrigin> {
  const written = SETTINGS.filter((setting) => definition[setting] !== undefined)
  return new Map(written.map((setting) => [setting, originIn(definition, KEYS_OF_SETTINGS[setting])]))
}

type Definition = (ProfileDefinition | TemplateDefinition) & { readonly isShipped?: boolean }

function originIn({ name, isShipped = false, place, places }: Definition, key: string): ValueOrigin {
  return { profile: name, isShipped, place: places?.[key] ?? place }
}

function originsIn(definition: Definition, key: string): (index: number | undefined) => ValueOrigin {
  return (index) => originIn(definition, index === undefined ? key : `${key}/${index}`)
}

function fromDraft(
  { definition, isOfShipped, input, output, sections, settings }: Draft,
  streamSafety: boolean | undefined,
): ResolvedProfile {
  const origins: ProfileOrigins = {
    input: toPieces(input.entries),
    output: toPieces(output.entries),
    sections: Object.fromEntries([...sections].map(([section, cell]) => [section, toPieces(cell.entries)])),
    settings: Object.fromEntries(settings),
  }
  return {
    name: definition.name,
    kind: 'profile',
    description: definition.description,
    extension: definition.extension,
    queue: definition.queue ?? DEFAULT_QUEUE,
    threshold: definition.threshold ?? 0,
    thresholdCheck: definition.thresholdCheck ?? DEFAULT_THRESHOLD_CHECK,
    automap: definition.automap ?? true,
    keepsStreams: definition.streamSafety ?? streamSafety ?? isOfShipped,
    inputOptions: toArguments(origins.input),
    outputOptions: toArguments(origins.output),
    sections: Object.fromEntries(Object.entries(origins.sections).map(([section, pieces]) => [section, toArguments(pieces)])),
    audio: definition.audio ?? EVERY_LANGUAGE,
    subtitle: definition.subtitle ?? EVERY_LANGUAGE,
    variants: definition.variants ?? [],
    labels: { require: definition.require ?? [], any: definition.any ?? [], prefer: definition.prefer ?? [] },
    place: definition.place,
    origins,
  }
}

function fromTemplate(template: TemplateDefinition, keepsStreams: boolean): ResolvedProfile {
  const { name, extension, threshold, thresholdCheck, place } = template
  const origins = toTemplateOrigins(template)
  return {
    name,
    kind: 'template',
    description: undefined,
    extension,
    queue: template.queue ?? DEFAULT_QUEUE,
    threshold,
    thresholdCheck,
    automap: true,
    keepsStreams,
    inputOptions: toArguments(origins.input),
    outputOptions: toArguments(origins.output),
    sections: {},
    audio: toLanguages(template.audioLang),
    subtitle: toLanguages(template.subtitleLang),
    variants: [],
    labels: NO_LABELS,
    place,
    origins,
  }
}

/** Texts of a template are arguments as they are: nothing is merged, and nothing cut. */
function toTemplateOrigins(template: TemplateDefinition): ProfileOrigins {
  const inputOriginOf = originsIn(template, 'cli/input-options')
  const { inputOptions: input = [] } = template
  const entries =
    typeof input === 'string' ? [toPiece(input, inputOriginOf(undefined))] : input.map((text, index) => toPiece(text, inputOriginOf(index)))
  const texts = [
    ['cli/video-codec', template.videoCodec],
    ['cli/audio-codec', template.audioCodec],
    ['cli/subtitles', template.subtitles],
  ] as const
  const settings = [
    ['extension', 'extension'],
    ['queue', 'queue'],
    ['threshold', 'threshold'],
    ['thresholdCheck', 'threshold_check'],
    ['audio', 'audio-lang'],
    ['subtitle', 'subtitle-lang'],
  ] as const
  return {
    input: entries.filter(hasArguments),
    output: texts.map(([key, text]) => toPiece(text ?? '', originIn(template, key))).filter(hasArguments),
    sections: {},
    settings: Object.fromEntries(
      settings.filter(([, key]) => template.places?.[key] !== undefined).map(([setting, key]) => [setting, originIn(template, key)]),
    ),
  }
}

function toPiece(text: string, origin: ValueOrigin): OptionPiece {
  return { arguments: toWords(text), origin }
}

function hasArguments(piece: OptionPiece): boolean {
  return piece.arguments.length > 0
}

/**
 * `*eng jpn` → both kept, `eng` the default one; a single language is the default one without a mark.
 * pytranscoder means the same, but looks for a language "*eng" in the file and so drops the marked one, and gives the default flag
 * only where a single language is named: here the code is not followed.
 */
function toLanguages(text: string | undefined): LanguageChoice {
  const words = toWords(text ?? '')
  const include = words.map((word) => word.replace(/^\*/, ''))
  const marked = words.find((word) => word.startsWith('*'))?.slice(1)
  return { include, exclude: [], defaultLanguage: marked ?? (include.length === 1 ? include[0] : undefined) }
}

function at({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}: `
}
