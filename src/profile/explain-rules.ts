/** Rules, top-down: which one takes a file, and why those before it did not. */

import { EncodeError } from '../core/errors.ts'
import { toRegExp } from '../core/python-regexp.ts'
import type { Config, RuleCriterion, RuleDefinition } from '../model/config.ts'
import type { MediaInfo } from '../model/media.ts'

export interface CriterionVerdict {
  readonly criterion: RuleCriterion
  /** As written: `>30`, `!hevc`. */
  readonly wanted: string
  /** What the file has, for a person; undefined where it has none or nobody knows. */
  readonly found: string | undefined
  readonly isMet: boolean
}

export interface RuleVerdict {
  readonly rule: RuleDefinition
  readonly isMatch: boolean
  readonly isSkip: boolean
  /** Every criterion is judged, also after the first that is not met. Empty: the rule takes every file. */
  readonly criteria: readonly CriterionVerdict[]
}

/** The rules up to the one that takes the file, which is then the last; all rules when none does. */
export function explainRules(config: Config, media: MediaInfo): readonly RuleVerdict[] {
  const verdicts: RuleVerdict[] = []
  for (const rule of config.rules) {
    const verdict = judgeRule(rule, media)
    verdicts.push(verdict)
    if (verdict.isMatch) break
  }
  return verdicts
}

export function judgeRule(rule: RuleDefinition, media: MediaInfo): RuleVerdict {
  const criteria = rule.criteria.map(([criterion, wanted]) => judgeCriterion(rule, criterion, wanted, media))
  return { rule, isMatch: criteria.every((verdict) => verdict.isMet), isSkip: rule.profile.toUpperCase() === 'SKIP', criteria }
}

/** `vcodec is "h264" (wanted: !hevc)`, for one criterion. */
export function describeCriterion({ criterion, wanted, found }: CriterionVerdict): string {
  return `${criterion} is ${found ?? 'not known'} (wanted: ${wanted})`
}

function judgeCriterion(rule: RuleDefinition, criterion: RuleCriterion, written: string, media: MediaInfo): CriterionVerdict {
  const isNegated = written.length > 1 && written.startsWith('!')
  const wanted = isNegated ? written.slice(1) : written
  if (criterion === 'path') {
    // pytranscoder takes a "!" away from a path without turning the meaning round.
    return { criterion, wanted: written, found: `"${media.path}"`, isMet: toRulePattern(rule, wanted).test(media.path) }
  }
  const video = media.streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture)
  if (criterion === 'vcodec') {
    // A file without video has no codec that could be another one: it was never a candidate for such a rule.
    const isMet = video !== undefined && (video.codec === wanted) !== isNegated
    return { criterion, wanted: written, found: video === undefined ? undefined : `"${video.codec}"`, isMet }
  }
  const fact = toFact(criterion, media, video)
  const isMet = fact !== undefined && compareNumber(fact, wanted, criterion === 'runtime' ? 60 : 1) !== isNegated
  return { criterion, wanted: written, found: fact === undefined ? undefined : describeFact(criterion, fact), isMet }
}

/** In the unit in which it is compared: a runtime in seconds. Undefined where the file has no such fact. */
function toFact(
  criterion: Exclude<RuleCriterion, 'path' | 'vcodec'>,
  media: MediaInfo,
  video: MediaInfo['streams'][number] | undefined,
): number | undefined {
  switch (criterion) {
    case 'runtime':
      return media.durationSeconds > 0 ? Math.floor(media.durationSeconds) : undefined
    case 'filesize_mb':
      return media.sizeBytes / 1_048_576
    case 'fps':
      return video?.fps === undefined ? undefined : Math.floor(video.fps)
    case 'res_height':
      return video?.height
    case 'res_width':
      return video?.width
  }
}

function describeFact(criterion: RuleCriterion, fact: number): string {
  if (criterion === 'runtime') return `${(fact / 60).toFixed(1)} min`
  return Number.isInteger(fact) ? String(fact) : fact.toFixed(1)
}

/** `a-b` (both included), `<n`, `>n`, `<=n`, `>=n`, `n`. Anything else is met by no number, as in pytranscoder. */
function compareNumber(fact: number, wanted: string, factor: number): boolean {
  const [, low, high] = /^\s*([\d.]+)\s*-\s*([\d.]+)\s*$/.exec(wanted) ?? []
  if (low !== undefined && high !== undefined) return Number(low) * factor <= fact && fact <= Number(high) * factor
  const [, operator, text] = /^\s*(<=|>=|<|>|)\s*(-?[\d.]+)\s*$/.exec(wanted) ?? []
  if (text === undefined) return false
  const limit = Number(text) * factor
  switch (operator) {
    case '<':
      return fact < limit
    case '>':
      return fact > limit
    case '<=':
      return fact <= limit
    case '>=':
      return fact >= limit
    default:
      return fact === limit
  }
}

function toRulePattern({ name, place }: RuleDefinition, pattern: string): RegExp {
  try {
    return toRegExp(pattern)
  } catch (error) {
    throw new EncodeError(
      'CONFIG_INVALID',
      `${place.file}:${place.line}:${place.column}: The path of rule "${name}" is no regular expression: "${pattern}"`,
      {
        hint: 'Put a backslash before each of . * + ? ( ) [ ] { } ^ $ | \\ that stands for itself',
        cause: error,
      },
    )
  }
}
