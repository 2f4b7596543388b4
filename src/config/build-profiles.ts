/** `profiles`, `templates` and `rules` → definitions, as written. Reads tolerantly: what the schema refused is reported there and left out here. */

import { parseSeconds } from '../core/units.ts'
import type {
  LanguageChoice,
  OptionsText,
  ProfileDefinition,
  RuleCriterion,
  RuleDefinition,
  SourcePlace,
  TemplateDefinition,
} from '../model/config.ts'
import { VERIFY_LEVELS, type VerifyLevel } from '../model/plan.ts'
import { booleanOf, type EntryOf, entriesOf, entriesOfEach, type Located, numberOf, plainWordsOf, textOf, valueAt } from './located.ts'
import type { SourceText } from './report.ts'

export function buildProfiles(profiles: Located | undefined, source: SourceText, isShipped: boolean): readonly ProfileDefinition[] {
  return entriesOf(profiles).map(([name, { keyOffset, value }]) => ({
    name,
    isShipped,
    description: textOf(valueAt(value, 'description')),
    include: plainWordsOf(valueAt(value, 'include'), source.text),
    inputOptions: buildOptions(valueAt(value, 'input_options')),
    outputOptions: buildOptions(valueAt(value, 'output_options')),
    outputOptionsAudio: buildOptions(valueAt(value, 'output_options_audio')),
    outputOptionsVideo: buildOptions(valueAt(value, 'output_options_video')),
    outputOptionsSubtitle: buildOptions(valueAt(value, 'output_options_subtitle')),
    extension: buildExtension(valueAt(value, 'extension')),
    queue: textOf(valueAt(value, 'queue')),
    threshold: numberOf(valueAt(value, 'threshold')),
    thresholdCheck: numberOf(valueAt(value, 'threshold_check')),
    automap: booleanOf(valueAt(value, 'automap')),
    audio: buildLanguages(valueAt(value, 'audio'), source),
    subtitle: buildLanguages(valueAt(value, 'subtitle'), source),
    stallSeconds: buildSeconds(valueAt(value, 'stall_timeout')),
    verify: buildVerifyLevel(valueAt(value, 'verify')),
    streamSafety: booleanOf(valueAt(value, 'stream_safety')),
    variants: buildNames(valueAt(value, 'variants'), source),
    require: buildNames(valueAt(value, 'require'), source),
    any: buildNames(valueAt(value, 'any'), source),
    prefer: buildNames(valueAt(value, 'prefer'), source),
    place: source.placeOf(keyOffset),
    places: buildPlaces(value, source),
  }))
}

export function buildTemplates(templates: Located | undefined, source: SourceText): readonly TemplateDefinition[] {
  return entriesOf(templates).map(([name, { keyOffset, value }]) => {
    const languages = (key: string) => {
      const words = plainWordsOf(valueAt(value, key), source.text)
      return words.length === 0 ? undefined : words.join(' ')
    }
    return {
      name,
      inputOptions: buildOptions(valueAt(value, 'cli', 'input-options')),
      videoCodec: textOf(valueAt(value, 'cli', 'video-codec')),
      audioCodec: textOf(valueAt(value, 'cli', 'audio-codec')),
      subtitles: textOf(valueAt(value, 'cli', 'subtitles')),
      audioLang: languages('audio-lang'),
      subtitleLang: languages('subtitle-lang'),
      extension: buildExtension(valueAt(value, 'extension')) ?? '',
      queue: textOf(valueAt(value, 'queue')),
      threshold: numberOf(valueAt(value, 'threshold')) ?? 0,
      thresholdCheck: numberOf(valueAt(value, 'threshold_check')) ?? 100,
      verify: buildVerifyLevel(valueAt(value, 'verify')),
      place: source.placeOf(keyOffset),
      places: buildPlaces(value, source),
    }
  })
}

export function buildRules(rules: Located | undefined, source: SourceText): readonly RuleDefinition[] {
  return entriesOf(rules).map(([name, { keyOffset, value }]) => ({
    name,
    profile: textOf(valueAt(value, 'profile')) ?? '',
    criteria: criteriaOf(value).map(([key, entry]) => [toCriterion(key), textOf(entry.value) ?? ''] as const),
    place: source.placeOf(keyOffset),
  }))
}

/** The criteria of a rule, under their old name too; a list of them counts as one. */
export function criteriaOf(rule: Located): readonly EntryOf[] {
  return entriesOfEach(valueAt(rule, 'criteria') ?? valueAt(rule, 'rules'))
}

export function toCriterion(key: string): RuleCriterion {
  return (key === 'source_size' ? 'filesize_mb' : key) as RuleCriterion
}

/** The place of each key, and of each entry of a list, however deep: `cli/input-options/0`. */
function buildPlaces(node: Located, source: SourceText): Readonly<Record<string, SourcePlace>> {
  const places: Record<string, SourcePlace> = {}
  const visit = (value: Located, path: string): void => {
    if (value.kind === 'list') {
      for (const [index, item] of value.items.entries()) places[`${path}/${index}`] = source.placeOf(item.offset)
    }
    for (const [key, entry] of entriesOf(value)) {
      const own = path === '' ? key : `${path}/${key}`
      places[own] = source.placeOf(entry.keyOffset)
      visit(entry.value, own)
    }
  }
  visit(node, '')
  return places
}

function buildOptions(node: Located | undefined): OptionsText | undefined {
  return node?.kind === 'list' ? node.items.map((item) => textOf(item) ?? '') : textOf(node)
}

/** Seconds of `5m`. */
export function buildSeconds(node: Located | undefined): number | undefined {
  const text = textOf(node)
  return text === undefined ? undefined : parseSeconds(text)
}

export function buildVerifyLevel(node: Located | undefined): VerifyLevel | undefined {
  return VERIFY_LEVELS.find((level) => level === textOf(node))
}

function buildExtension(node: Located | undefined): string | undefined {
  const extension = textOf(node)
  return extension === undefined || extension.startsWith('.') ? extension : `.${extension}`
}

/** An empty list is a choice too: it takes back the one of an included profile. */
function buildNames(node: Located | undefined, source: SourceText): readonly string[] | undefined {
  return node === undefined ? undefined : plainWordsOf(node, source.text)
}

/** An empty section is a choice too: it takes back the one of an included profile. */
function buildLanguages(node: Located | undefined, source: SourceText): LanguageChoice | undefined {
  if (node === undefined) return undefined
  const languages = (key: string) => plainWordsOf(valueAt(node, key), source.text)
  return {
    include: languages('include_languages'),
    exclude: languages('exclude_languages'),
    defaultLanguage: textOf(valueAt(node, 'default_language')),
  }
}
