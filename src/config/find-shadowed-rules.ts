/**
 * Rules that can never match, since an earlier one takes every file that they would take. Only what is certain is told: each
 * criterion of the earlier rule must follow from a criterion of the later one.
 */

import type { RuleCriterion, RuleDefinition } from '../model/config.ts'

export interface ShadowedRule {
  readonly rule: RuleDefinition
  /** The first of the rules that leave it nothing. */
  readonly by: RuleDefinition
}

export function findShadowedRules(rules: readonly RuleDefinition[]): readonly ShadowedRule[] {
  return rules.flatMap((rule, index) => {
    const by = rules.slice(0, index).find((earlier) => takesAllOf(earlier, rule))
    return by === undefined ? [] : [{ rule, by }]
  })
}

function takesAllOf(earlier: RuleDefinition, later: RuleDefinition): boolean {
  return earlier.criteria.every(([criterion, value]) => {
    const values = later.criteria.filter(([other]) => other === criterion).map(([, other]) => other)
    if (criterion === 'path') return isEveryPath(value) || values.some((other) => pathImplies(other, value))
    // A fact that nobody knows meets no criterion: what follows for numbers follows only where the later rule asks for one, too.
    if (values.length === 0) return false
    return criterion === 'vcodec' ? values.some((other) => codecImplies(other, value)) : numbersImply(criterion, values, value)
  })
}

function codecImplies(later: string, earlier: string): boolean {
  if (later === earlier) return true
  return isNegated(earlier) && !isNegated(later) && later !== earlier.slice(1)
}

function isNegated(value: string): boolean {
  return value.length > 1 && value.startsWith('!')
}

/** Both ends belong to it. */
type Interval = readonly [low: number, high: number]

/** A file's size in MiB may be any fraction; the other facts are whole numbers, a runtime in seconds. */
const LEAST_STEP_OF_SIZE = 1 / 1_048_576

function numbersImply(criterion: Exclude<RuleCriterion, 'path' | 'vcodec'>, later: readonly string[], earlier: string): boolean {
  const factor = criterion === 'runtime' ? 60 : 1
  const step = criterion === 'filesize_mb' ? LEAST_STEP_OF_SIZE : 1
  const wanted = toIntervals(earlier, factor, step)
  const parts = later.map((value) => toIntervals(value, factor, step))
  if (wanted === undefined || parts.includes(undefined)) return false
  const met = parts.flatMap((part) => (part === undefined ? [] : [part])).reduce(intersect)
  return met.length > 0 && met.every(([low, high]) => wanted.some(([from, to]) => from <= low && high <= to))
}

/** What a criterion takes, in steps that facts can have; undefined where it cannot be read. */
function toIntervals(value: string, factor: number, step: number): readonly Interval[] | undefined {
  const text = isNegated(value) ? value.slice(1) : value
  const interval = toInterval(text, factor, step)
  if (interval === undefined) return undefined
  const [low, high] = interval
  if (!isNegated(value)) return low <= high ? [interval] : []
  if (low > high) return [[0, Number.POSITIVE_INFINITY]]
  const sides: readonly Interval[] = [
    [0, low - step],
    [high + step, Number.POSITIVE_INFINITY],
  ]
  return sides.filter(([from, to]) => from <= to)
}

function toInterval(text: string, factor: number, step: number): Interval | undefined {
  const up = (limit: number): number => Math.max(0, Math.ceil((limit * factor) / step) * step)
  const down = (limit: number): number => Math.floor((limit * factor) / step) * step
  const [, from, to] = /^\s*([\d.]+)\s*-\s*([\d.]+)\s*$/.exec(text) ?? []
  if (from !== undefined && to !== undefined) return [up(Number(from)), down(Number(to))]
  const [, operator, written] = /^\s*(<=|>=|<|>|)\s*([\d.]+)\s*$/.exec(text) ?? []
  if (written === undefined) return undefined
  const limit = Number(written)
  switch (operator) {
    case '<':
      return [0, up(limit) - step]
    case '<=':
      return [0, down(limit)]
    case '>':
      return [down(limit) + step, Number.POSITIVE_INFINITY]
    case '>=':
      return [up(limit), Number.POSITIVE_INFINITY]
    default:
      return [up(limit), down(limit)]
  }
}

function intersect(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return a.flatMap(([low, high]) =>
    b.map(([from, to]): Interval => [Math.max(low, from), Math.min(high, to)]).filter(([from, to]) => from <= to),
  )
}

/** A pattern is searched, so that what it may begin and end with anything changes nothing. */
interface PathPattern {
  readonly flags: string
  readonly core: string
}

function toPathPattern(value: string): PathPattern {
  const text = isNegated(value) ? value.slice(1) : value
  const [prefix = '', flags = ''] = /^\(\?([a-zA-Z]+)\)/.exec(text) ?? []
  const core = text
    .slice(prefix.length)
    .replace(/^(?:\.\*\??)+/, '')
    .replace(/(?<!\\)(?:\.\*\??)+$/, '')
  return { flags: [...flags].sort().join(''), core }
}

/** `/tv/anime/` holds `/anime/`: told only of patterns without any mark, and of equal ones. */
function pathImplies(later: string, earlier: string): boolean {
  const [a, b] = [toPathPattern(later), toPathPattern(earlier)]
  if (a.core === b.core && a.flags === b.flags) return true
  if (![a, b].every(({ core, flags }) => isLiteral(core) && /^i?$/.test(flags))) return false
  if (b.flags === 'i') return a.core.toLowerCase().includes(b.core.toLowerCase())
  return a.flags === '' && a.core.includes(b.core)
}

function isEveryPath(value: string): boolean {
  return ['', '.', '.+', '^', '$'].includes(toPathPattern(value).core)
}

function isLiteral(pattern: string): boolean {
  return !/[\\^$.|?*+()[\]{}]/.test(pattern)
}
