/** Profiles with their includes merged in, all of a configuration at once: includes share what they merge. */

import { EncodeError } from '../core/errors.ts'
import type { Config, LanguageChoice, ProfileDefinition, SourcePlace } from '../model/config.ts'
import { mergeOptions, type OptionEntries, parseOptions, toArguments, toPieces, toWords, type ValueOrigin } from './options.ts'
import {
  DEFAULT_QUEUE,
  DEFAULT_THRESHOLD_CHECK,
  originIn,
  originsIn,
  type ProfileOrigins,
  type ResolvedProfile,
  SECTIONS,
  SETTINGS,
  type Section,
  type Setting,
  VIDEO_CODEC_OPTION,
} from './resolved-profile.ts'
import { suggestProfile } from './suggest-profile.ts'

const KEYS_OF_SETTINGS: Readonly<Record<Setting, string>> = {
  extension: 'extension',
  queue: 'queue',
  threshold: 'threshold',
  thresholdCheck: 'threshold_check',
  stallSeconds: 'stall_timeout',
  verify: 'verify',
  automap: 'automap',
  streamSafety: 'stream_safety',
  audio: 'audio',
  subtitle: 'subtitle',
  variants: 'variants',
  require: 'require',
  any: 'any',
  prefer: 'prefer',
}
const EVERY_LANGUAGE: LanguageChoice = { include: [], exclude: [], defaultLanguage: undefined }

/** A configuration is frozen, so what is resolved of it once holds. */
const resolvedConfigs = new WeakMap<Config, ReadonlyMap<string, ResolvedProfile>>()

/** @throws EncodeError CONFIG_INVALID when includes cannot be resolved. */
export function resolveProfiles(config: Config): ReadonlyMap<string, ResolvedProfile> {
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
    stallSeconds: child.stallSeconds ?? parent.stallSeconds,
    verify: child.verify ?? parent.verify,
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
    stallSeconds: definition.stallSeconds,
    verify: definition.verify,
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

function at({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}: `
}
