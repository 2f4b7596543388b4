/** One file → its profile and ffmpeg arguments, or the reason why it is left alone. */

import { EncodeError } from '../core/errors.ts'
import type { Config } from '../model/config.ts'
import type { MediaInfo } from '../model/media.ts'
import { type AttachedCover, DEFAULT_STALL_SECONDS, type EncodeArguments, type PlanVariant, type Profile } from '../model/plan.ts'
import { isContradiction } from './container.ts'
import { describeCriterion, explainRules, judgeRule, type RuleVerdict } from './explain-rules.ts'
import { findSpeaker } from './find-speaker.ts'
import { type KeptHdr, keepHdr } from './keep-hdr.ts'
import { findObstacle, type KeptStreams, keepStreams } from './keep-streams.ts'
import { mapStreams } from './map-streams.ts'
import { lastValueOf } from './option-value.ts'
import { hasProfile, resolveMixin, resolveProfile } from './resolve-profile.ts'
import { resolveVariants } from './resolve-variants.ts'
import { type ResolvedProfile, SECTIONS } from './resolved-profile.ts'
import { suggestProfile } from './suggest-profile.ts'

/** What the command line says about a path. */
export interface ProfileChoice {
  /** Profile or template to take instead of asking the rules; either key may name either. */
  readonly profile?: string | undefined
  readonly template?: string | undefined
  readonly mixins: readonly string[]
  /** Rules for other profiles than these are passed over; rules that skip hold all the same. A named profile is not held against it. */
  readonly allowed?: readonly string[] | undefined
}

export type Selection =
  | {
      readonly kind: 'encode'
      readonly profile: Profile
      /** Of the last variant. */
      readonly arguments: EncodeArguments
      /** Best first, never empty: which one it is depends on the host. */
      readonly variants: readonly PlanVariant[]
      /** Name of the rule; undefined when the command line named the profile. */
      readonly rule: string | undefined
      readonly reason: string
      /** What of the source the result will lack or hold in another form, each a clause for a person. */
      readonly warnings: readonly string[]
      /** Cover pictures that have to be taken out of the source and attached. */
      readonly covers: readonly AttachedCover[]
    }
  | { readonly kind: 'skip'; readonly rule: string; readonly reason: string }
  | { readonly kind: 'unmatched'; readonly reason: string }

/**
 * @throws EncodeError USAGE_INVALID for a profile, template or mixin that does not exist, CONFIG_INVALID for a rule or profile that
 *   cannot be used.
 */
export function selectProfile(config: Config, media: MediaInfo, choice: ProfileChoice): Selection {
  const named = choice.profile ?? choice.template
  if (named !== undefined) {
    return toEncode(config, media, resolveProfile(config, named), choice.mixins, undefined, `"${named}" was asked for`)
  }
  const verdict = findRule(config, media, choice.allowed)
  if (verdict === undefined) return { kind: 'unmatched', reason: describeNoMatch(config) }
  const { rule, isSkip } = verdict
  const reason = describeMatch(verdict)
  if (isSkip) return { kind: 'skip', rule: rule.name, reason }
  if (!hasProfile(config, rule.profile)) {
    const { file, line, column } = rule.place
    throw new EncodeError(
      'CONFIG_INVALID',
      `${file}:${line}:${column}: Rule "${rule.name}" names the profile "${rule.profile}", which does not exist`,
      {
        hint: suggestProfile(config, rule.profile),
      },
    )
  }
  return toEncode(config, media, resolveProfile(config, rule.profile), choice.mixins, rule.name, reason)
}

function toEncode(
  config: Config,
  media: MediaInfo,
  resolved: ResolvedProfile,
  mixinNames: readonly string[],
  rule: string | undefined,
  reason: string,
): Selection {
  const { name, kind, extension, queue, threshold, thresholdCheck, place } = resolved
  const verify = resolved.verify ?? config.verify ?? 'quick'
  const stallSeconds = resolved.stallSeconds ?? config.stallSeconds ?? DEFAULT_STALL_SECONDS
  if (extension === undefined || extension === '') {
    throw new EncodeError(
      'CONFIG_INVALID',
      `${place.file}:${place.line}:${place.column}: Profile "${name}" has no extension, so its results have no name`,
      {
        hint: 'Give it one, such as "extension: .mkv", or include a profile that has one; without, it can only be included or mixed in',
      },
    )
  }
  const mixins = mixinNames.map((mixin) => resolveMixin(config, mixin))
  const options = mixOptions(resolved, mixins)
  const obstacle = resolved.keepsStreams ? findObstacle(resolved, options, media) : undefined
  if (obstacle !== undefined) return { kind: 'unmatched', reason: obstacle }
  // A mixin that makes the picture speaks for all of its variants.
  const isPictureMixed = mixins.some((mixin) => (mixin.sections.video ?? []).length > 0)
  const ways = resolveVariants(config, isPictureMixed ? { ...resolved, variants: [] } : resolved).map((variant) => {
    const { options: output, losesMastering } = toOutputOptions(variant.profile, mixOptions(variant.profile, mixins), media, config.automap)
    const { inputOptions: input, labels } = variant.profile
    const plan: PlanVariant = { name: variant.name, arguments: { input, output }, queues: variant.queues, labels }
    return { plan, losesMastering }
  })
  // What a faster encoder would lose of HDR10 is no fair price where another one keeps it.
  const careful = ways.filter(({ losesMastering }) => !losesMastering)
  const variants = (careful.length > 0 ? careful : ways).map(({ plan }) => plan)
  const made = toOutputOptions(resolved, options, media, config.automap)
  return {
    kind: 'encode',
    profile: { name, kind, extension, queue, threshold, thresholdCheck, stallSeconds, verify },
    arguments: variants.at(-1)?.arguments ?? { input: resolved.inputOptions, output: made.options },
    variants,
    rule,
    reason,
    warnings: [...made.warnings, ...warnOfFormat(extension, options)],
    covers: made.covers,
  }
}

/** Output options, then audio, video and subtitle options, each section mixed. */
function mixOptions(profile: ResolvedProfile, mixins: readonly ResolvedProfile[]): readonly string[] {
  return [...profile.outputOptions, ...SECTIONS.flatMap((section) => findSpeaker(section, profile, mixins)?.sections[section] ?? [])]
}

/** The options with the stream maps behind them. */
function toOutputOptions(
  profile: ResolvedProfile,
  options: readonly string[],
  media: MediaInfo,
  automap: boolean,
): KeptHdr & Pick<KeptStreams, 'covers'> {
  const hdr = profile.keepsStreams ? keepHdr(options, media) : { options, warnings: [], losesMastering: false }
  if (!automap || !profile.automap) return { ...hdr, covers: [] }
  const kept = profile.keepsStreams ? keepStreams(profile, hdr.options, media) : undefined
  if (kept !== undefined) return { ...hdr, options: kept.options, warnings: [...hdr.warnings, ...kept.warnings], covers: kept.covers }
  return { ...hdr, options: [...hdr.options, ...mapStreams(profile, media)], covers: [] }
}

function warnOfFormat(extension: string, options: readonly string[]): readonly string[] {
  const format = lastValueOf(options, ['-f'])
  if (format === undefined || !isContradiction(extension, format)) return []
  return [`"-f ${format}" makes another container than its name says: the profile's extension is "${extension}"`]
}

function findRule(config: Config, media: MediaInfo, allowed: readonly string[] | undefined): RuleVerdict | undefined {
  if (allowed === undefined) return explainRules(config, media).find((verdict) => verdict.isMatch)
  return config.rules
    .map((rule) => judgeRule(rule, media))
    .find((verdict) => verdict.isMatch && (verdict.isSkip || allowed.includes(verdict.rule.profile)))
}

function describeMatch({ rule, isSkip, criteria }: RuleVerdict): string {
  const why = criteria.length === 0 ? 'it takes every file' : criteria.map(describeCriterion).join(', ')
  return `rule "${rule.name}"${isSkip ? ' skips it' : ''}: ${why}`
}

function describeNoMatch(config: Config): string {
  return config.rules.length === 0 ? 'the configuration has no rules; name a profile with -p' : 'no rule takes it'
}
