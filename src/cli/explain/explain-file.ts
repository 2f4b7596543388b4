/** Everything that decides what becomes of one file, as plain values: rule by rule, stream by stream, host by host. Asks no host. */

import { EncodeError } from '../../core/errors.ts'
import { quoteAll } from '../../core/text.ts'
import type { Config, HostConfig } from '../../model/config.ts'
import type { MediaInfo } from '../../model/media.ts'
import type { PlanVariant, Profile } from '../../model/plan.ts'
import type { FoundSource } from '../../plan/find-sources.ts'
import { describeLostFilm, warnOfLostFilms } from '../../plan/lost-film.ts'
import { type ArgumentPiece, explainArguments } from '../../profile/explain-arguments.ts'
import { explainRules, type RuleVerdict } from '../../profile/explain-rules.ts'
import { resolveMixin, resolveProfile } from '../../profile/resolve-profile.ts'
import { resolveVariants } from '../../profile/resolve-variants.ts'
import type { ResolvedProfile } from '../../profile/resolved-profile.ts'
import { selectProfile } from '../../profile/select-profile.ts'
import { toOutputName } from '../../profile/to-output-name.ts'
import { explainHosts, type HostVerdict } from './explain-hosts.ts'
import { explainStreams, type StreamExplanation } from './explain-streams.ts'

export interface ExplainOptions {
  readonly config: Config
  /** Undefined: this machine. */
  readonly cluster: string | undefined
  /** Hosts of the cluster, disabled ones too. */
  readonly hosts: readonly HostConfig[]
  /** `--host`; empty = all. */
  readonly onlyHosts: readonly string[]
  readonly keepsSource: boolean
  readonly outputFolder: string | undefined
}

export interface RuleExplanation {
  readonly name: string
  readonly profile: string
  readonly line: number
  /** `not asked`: an earlier rule took the file, or the command line named the profile. */
  readonly verdict: 'takes it' | 'passes' | 'not asked'
  readonly criteria: RuleVerdict['criteria']
}

export interface Explanation {
  readonly media: MediaInfo
  /** Undefined: the rules were asked. */
  readonly asked: string | undefined
  readonly rules: readonly RuleExplanation[]
  readonly end:
    | { readonly kind: 'skip' | 'unmatched'; readonly reason: string }
    | {
        readonly kind: 'encode'
        readonly profile: Profile
        readonly resolved: ResolvedProfile
        readonly mixins: readonly string[]
        readonly streams: StreamExplanation
        /** What of the source the result will lack or hold in another form. */
        readonly warnings: readonly string[]
        /** Best first, never empty. */
        readonly variants: readonly VariantExplanation[]
        readonly output: string
        readonly hosts: readonly HostVerdict[]
      }
}

export interface VariantExplanation extends PlanVariant {
  readonly pieces: readonly ArgumentPiece[]
}

/** @throws EncodeError as `selectProfile` does. */
export function explainFile(source: FoundSource, media: MediaInfo, options: ExplainOptions): Explanation {
  const { config } = options
  const { choice } = source.target
  const asked = choice.profile ?? choice.template
  const rules = listRules(config, media, asked !== undefined)
  const selection = selectProfile(config, media, choice)
  if (selection.kind !== 'encode') return { media, asked, rules, end: { kind: selection.kind, reason: selection.reason } }
  const { profile } = selection
  const replacesSource = !options.keepsSource && options.outputFolder === undefined
  const decided = { source: media, arguments: selection.arguments, profile, replacesSource }
  const lost = describeLostFilm(decided)
  if (lost !== undefined) return { media, asked, rules, end: { kind: 'skip', reason: lost } }
  const lostFilms = warnOfLostFilms(decided)
  const resolved = resolveProfile(config, profile.name)
  const mixins = choice.mixins.map((mixin) => resolveMixin(config, mixin))
  return {
    media,
    asked,
    rules,
    end: {
      kind: 'encode',
      profile,
      resolved,
      mixins: choice.mixins,
      streams: explainStreams(config, resolved, selection.arguments, media),
      warnings: [...selection.warnings, ...(lostFilms === undefined ? [] : [lostFilms])],
      variants: explainVariants(config, resolved, mixins, selection.variants),
      output: toOutputName(source.path, profile, { ...options, root: source.root }),
      hosts: explainHosts(profile, selection.variants, media.path, options),
    },
  }
}

/** A mixin that makes the picture leaves one variant, which bears the profile's name. */
function explainVariants(
  config: Config,
  resolved: ResolvedProfile,
  mixins: readonly ResolvedProfile[],
  variants: readonly PlanVariant[],
): readonly VariantExplanation[] {
  const profiles = new Map(resolveVariants(config, resolved).map(({ name, profile }) => [name, profile]))
  return variants.map((variant) => ({
    ...variant,
    pieces: explainArguments(profiles.get(variant.name) ?? resolved, mixins, variant.arguments),
  }))
}

function listRules(config: Config, media: MediaInfo, isProfileNamed: boolean): readonly RuleExplanation[] {
  const verdicts = isProfileNamed ? [] : explainRules(config, media)
  return config.rules.map(({ name, profile, place }, index) => {
    const verdict = verdicts[index]
    return {
      name,
      profile,
      line: place.line,
      verdict: verdict === undefined ? 'not asked' : verdict.isMatch ? 'takes it' : 'passes',
      criteria: verdict?.criteria ?? [],
    }
  })
}

/** @throws EncodeError USAGE_INVALID where `--host` names none of them. */
export function requireHosts(
  hosts: readonly HostConfig[],
  onlyHosts: readonly string[],
  guess: (name: string) => string | undefined,
): void {
  for (const name of onlyHosts) {
    if (hosts.some((host) => host.name === name)) continue
    const meant = guess(name)
    throw new EncodeError('USAGE_INVALID', `There is no host "${name}" here${meant === undefined ? '' : `; did you mean "${meant}"?`}`, {
      hint: `Known: ${quoteAll(hosts.map(({ name }) => name))}`,
    })
  }
}
