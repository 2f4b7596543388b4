/** A template, the short form of a profile, in the form that profiles are used in. */

import type { LanguageChoice, TemplateDefinition } from '../model/config.ts'
import type { LabelNeeds } from '../model/plan.ts'
import { type OptionPiece, toArguments, toWords, type ValueOrigin } from './options.ts'
import { DEFAULT_QUEUE, originIn, originsIn, type ProfileOrigins, type ResolvedProfile } from './resolved-profile.ts'

const NO_LABELS: LabelNeeds = { require: [], any: [], prefer: [] }

export function resolveTemplate(template: TemplateDefinition, keepsStreams: boolean): ResolvedProfile {
  const { name, extension, threshold, thresholdCheck, verify, place } = template
  const origins = toTemplateOrigins(template)
  return {
    name,
    kind: 'template',
    description: undefined,
    extension,
    queue: template.queue ?? DEFAULT_QUEUE,
    threshold,
    thresholdCheck,
    verify,
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
    ['verify', 'verify'],
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
