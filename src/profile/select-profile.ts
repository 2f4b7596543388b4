/** One file → its profile and ffmpeg arguments, or the reason why it is left alone. */

import { EncodeError } from '../core/errors.ts'
import type { Config } from '../model/config.ts'
import type { MediaInfo } from '../model/media.ts'
import type { EncodeArguments, Profile } from '../model/plan.ts'
import { describeCriterion, explainRules, judgeRule, type RuleVerdict } from './explain-rules.ts'
import { findSpeaker } from './find-speaker.ts'
import { keepStreams } from './keep-streams.ts'
import { mapStreams } from './map-streams.ts'
import { hasProfile, type ResolvedProfile, resolveMixin, resolveProfile, SECTIONS, suggestProfile } from './resolve-profile.ts'

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
      readonly arguments: EncodeArguments
      /** Name of the rule; undefined when the command line named the profile. */
      readonly rule: string | undefined
      readonly reason: string
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
    return { ...toEncode(config, media, resolveProfile(config, named), choice.mixins), rule: undefined, reason: `"${named}" was asked for` }
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
  return { ...toEncode(config, media, resolveProfile(config, rule.profile), choice.mixins), rule: rule.name, reason }
}

/** Output options, then audio, video and subtitle options, each section mixed, then the stream maps. */
function toEncodeArguments(
  profile: ResolvedProfile,
  mixins: readonly ResolvedProfile[],
  media: MediaInfo,
  automap: boolean,
): EncodeArguments {
  const options = [
    ...profile.outputOptions,
    ...SECTIONS.flatMap((section) => findSpeaker(section, profile, mixins)?.sections[section] ?? []),
  ]
  if (!automap || !profile.automap) return { input: profile.inputOptions, output: options }
  const kept = profile.keepsStreams ? keepStreams(profile, options, media) : undefined
  return { input: profile.inputOptions, output: [...options, ...(kept ?? mapStreams(profile, media))] }
}

function toEncode(config: Config, media: MediaInfo, resolved: ResolvedProfile, mixinNames: readonly string[]) {
  const { name, kind, extension, queue, threshold, thresholdCheck, place } = resolved
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
  return {
    kind: 'encode',
    profile: { name, kind, extension, queue, threshold, thresholdCheck },
    arguments: toEncodeArguments(resolved, mixins, media, config.automap),
  } as const
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
