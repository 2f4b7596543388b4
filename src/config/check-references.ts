/** Cross references: names that must exist, names that must be sane, includes without cycles, rule values that can be read. */

import { messageOf } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { toRegExp } from '../core/python-regexp.ts'
import type { ProfileDefinition, TemplateDefinition } from '../model/config.ts'
import { hardwareKindOf } from '../model/encoder.ts'
import { criteriaOf, toCriterion } from './build-profiles.ts'
import { describeFound, listNames, quote } from './describe.ts'
import { type EntryOf, entriesOf, entriesOfEach, type Finding, type Located, textOf, valueAt, wordsOf } from './located.ts'
import type { SourceText } from './report.ts'

export interface Known {
  /** Shipped ones that were not replaced, then the file's own. */
  readonly profiles: readonly ProfileDefinition[]
  readonly templates: readonly TemplateDefinition[]
}

const NUMBER = String.raw`(?:\d+(?:\.\d+)?|\.\d+)`
const NUMERIC_VALUE = new RegExp(String.raw`^!?\s*(?:[<>]=?\s*)?${NUMBER}\s*$|^!?\s*${NUMBER}\s*-\s*${NUMBER}\s*$`)

/** Most names that a message lists. */
const MAX_LISTED = 12

/** Names that a rule or a host gives and nobody has, and profiles that a rule gives and that are fragments. */
export function checkUses(root: Located, source: SourceText, known: Known): readonly Finding[] {
  const names = [...known.profiles, ...known.templates].map(({ name }) => name)
  return [
    ...entriesOf(valueAt(root, 'rules')).flatMap((rule) => checkRuleProfile(rule, names, known)),
    ...checkHostLists(root, source, names),
  ]
}

export function checkIncludes(root: Located, source: SourceText, known: Known): readonly Finding[] {
  const names = known.profiles.map(({ name }) => name)
  const missing = entriesOf(valueAt(root, 'profiles')).flatMap(([owner, { value }]) =>
    wordsOf(valueAt(value, 'include'), source.text)
      .filter(({ word }) => !names.includes(word))
      .map(({ word, offset }) => ({
        offset,
        message: `Profile ${quote(word)}, included by profile ${quote(owner)}, does not exist${suggest(word, names)}`,
      })),
  )
  return [...missing, ...checkVariants(root, source, known), ...checkCycles(root, source, known)]
}

/** An entry may be any encoder of any ffmpeg; only what is nearly the name of a profile, or is a template, is surely wrong. */
function checkVariants(root: Located, source: SourceText, { profiles, templates }: Known): readonly Finding[] {
  const names = profiles.map(({ name }) => name)
  return entriesOf(valueAt(root, 'profiles')).flatMap(([owner, { value }]) =>
    wordsOf(valueAt(value, 'variants'), source.text).flatMap(({ word, offset }) => {
      if (names.includes(word)) return []
      const subject = `Variant ${quote(word)} of profile ${quote(owner)}`
      if (templates.some(({ name }) => name === word)) {
        return [{ offset, message: `${subject} is a template; a variant is a profile or an encoder such as "libx265"` }]
      }
      const meant = hardwareKindOf(word) === undefined && !word.startsWith('lib') ? nearest(word, names) : undefined
      return meant === undefined ? [] : [{ offset, message: `${subject} is no profile, did you mean ${quote(meant)}?` }]
    }),
  )
}

export function checkRuleValues(root: Located): readonly Finding[] {
  return entriesOf(valueAt(root, 'rules')).flatMap(([rule, { value }]) =>
    criteriaOf(value).flatMap(([key, entry]) => {
      const text = textOf(entry.value)
      const problem = text === undefined ? undefined : describeBadCriterion(toCriterion(key), text)
      return problem === undefined ? [] : [{ offset: entry.value.offset, message: `${quote(key)} of rule ${quote(rule)} ${problem}` }]
    }),
  )
}

/** Names that no command line, message or queue could carry. */
export function checkNames(root: Located): readonly Finding[] {
  const clusters = entriesOf(valueAt(root, 'config', 'clusters'))
  const hosts = clusters.flatMap(([, cluster]) => entriesOf(cluster.value))
  const kinds: readonly (readonly [string, readonly EntryOf[]])[] = [
    ['Cluster', clusters],
    ['Host', hosts],
    ['Profile', entriesOf(valueAt(root, 'profiles'))],
    ['Template', entriesOf(valueAt(root, 'templates'))],
    ['Rule', entriesOf(valueAt(root, 'rules'))],
    ['Queue', [valueAt(root, 'config', 'queues'), ...hosts.map(([, host]) => valueAt(host.value, 'queues'))].flatMap(entriesOfEach)],
  ]
  const named = kinds.flatMap(([kind, entries]) =>
    entries.flatMap(([name, { keyOffset }]) => {
      const problem = describeBadName(kind, name)
      return problem === undefined ? [] : [{ offset: keyOffset, message: problem }]
    }),
  )
  const variables = hosts.flatMap(([, host]) => entriesOf(valueAt(host.value, 'env')))
  const badVariables = variables.filter(([name]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  return [
    ...named,
    ...badVariables.map(([name, { keyOffset }]) => ({
      offset: keyOffset,
      message: `Environment variable ${quote(name)} must be letters, digits and "_", and not begin with a digit`,
    })),
  ]
}

/** Undefined for a name that may be used. */
export function describeBadName(kind: string, name: string): string | undefined {
  if (name.trim() === '') return `${kind} ${quote(name)} must have a name`
  if (/\p{Cc}|[\u2028\u2029]/u.test(name)) return `${kind} ${quote(name)} must not hold control characters`
  if (kind !== 'Rule' && name.startsWith('-')) return `${kind} ${quote(name)} must not begin with "-", which is for options`
  return undefined
}

function checkRuleProfile([rule, { value }]: EntryOf, names: readonly string[], known: Known): readonly Finding[] {
  const node = valueAt(value, 'profile')
  const name = textOf(node)
  if (node === undefined || name === undefined || name.toUpperCase() === 'SKIP') return []
  if (!names.includes(name)) {
    const message = `Profile ${quote(name)} of rule ${quote(rule)} does not exist${suggest(name, [...names, 'SKIP'])}`
    return [{ offset: node.offset, message }]
  }
  if (known.templates.some((template) => template.name === name) || hasExtension(name, known.profiles)) return []
  const message = `Profile ${quote(name)} of rule ${quote(rule)} has no "extension", neither of its own nor by "include", so that results would have no container; give it one, such as ".mkv"`
  return [{ offset: node.offset, message }]
}

function checkHostLists(root: Located, source: SourceText, names: readonly string[]): readonly Finding[] {
  const hosts = entriesOf(valueAt(root, 'config', 'clusters')).flatMap(([, cluster]) => entriesOf(cluster.value))
  return hosts.flatMap(([host, { value }]) =>
    ['profiles', 'templates', 'profile'].flatMap((key) =>
      wordsOf(valueAt(value, key), source.text)
        .filter(({ word }) => word !== '' && !names.includes(word))
        .map(({ word, offset }) => ({
          offset,
          message: `${quote(word)} in ${quote(key)} of host ${quote(host)} does not exist${suggest(word, names)}`,
        })),
    ),
  )
}

function hasExtension(name: string, profiles: readonly ProfileDefinition[], seen: ReadonlySet<string> = new Set()): boolean {
  const profile = profiles.find((candidate) => candidate.name === name)
  if (profile === undefined || seen.has(name)) return false
  return profile.extension !== undefined || profile.include.some((parent) => hasExtension(parent, profiles, new Set([...seen, name])))
}

/** Each cycle once, at the include of its own file that closes it. */
function checkCycles(root: Located, source: SourceText, { profiles }: Known): readonly Finding[] {
  const byName = new Map(profiles.map((profile) => [profile.name, profile]))
  const findings: Finding[] = []
  const told = new Set<string>()
  const done = new Set<string>()

  function visit(name: string, trail: readonly string[]): void {
    const from = trail.indexOf(name)
    if (from !== -1) {
      tell(trail.slice(from))
      return
    }
    if (done.has(name)) return
    for (const parent of byName.get(name)?.include ?? []) visit(parent, [...trail, name])
    done.add(name)
  }

  function tell(cycle: readonly string[]): void {
    const own = entriesOf(valueAt(root, 'profiles')).find(([name]) => cycle.includes(name))
    if (own === undefined) return
    const start = cycle.indexOf(own[0])
    const turned = [...cycle.slice(start), ...cycle.slice(0, start)]
    const key = turned.join('\n')
    if (told.has(key)) return
    told.add(key)
    const next = turned[1] ?? own[0]
    const include = wordsOf(valueAt(own[1].value, 'include'), source.text).find(({ word }) => word === next)
    const message = `Profile ${quote(own[0])} includes itself: ${[...turned, own[0]].map(quote).join(' → ')}`
    findings.push({ offset: include?.offset ?? own[1].keyOffset, message })
  }

  for (const { name } of profiles) visit(name, [])
  return findings
}

function describeBadCriterion(criterion: string, value: string): string | undefined {
  if (criterion === 'vcodec')
    return value.replace(/^!/, '').trim() === '' ? 'must be a codec such as "h264" or "!hevc", found nothing' : undefined
  if (criterion === 'path') return describeBadPattern(value)
  if (!['res_height', 'res_width', 'runtime', 'filesize_mb', 'fps'].includes(criterion) || NUMERIC_VALUE.test(value)) return undefined
  const found = describeFound({ kind: 'scalar', offset: 0, endOffset: 0, value, plainText: undefined })
  return `must be a number, "<N", ">N", "<=N", ">=N" or "LOW-HIGH", each with "!" in front to turn it round, found ${found}`
}

function describeBadPattern(value: string): string | undefined {
  try {
    toRegExp(value.length > 1 && value.startsWith('!') ? value.slice(1) : value)
    return undefined
  } catch (error) {
    const reason = messageOf(error).replace(/^.*\/[a-z]*: /s, '')
    return `must be a regular expression, found ${quote(value)}: ${reason}`
  }
}

function suggest(word: string, names: readonly string[]): string {
  const meant = nearest(word, names)
  if (meant !== undefined) return `, did you mean ${quote(meant)}?`
  if (names.length === 0) return '; there are none'
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : ''
  return more === '' ? `; known: ${listNames(names, 'and')}` : `; known: ${names.slice(0, MAX_LISTED).map(quote).join(', ')}${more}`
}
