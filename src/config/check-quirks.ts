/**
 * What pytranscoder does with a file that its reader would not expect, told with the line.
 * Source: pytranscoder/profile.py (Options.merge), rule.py (Rule.match), cluster.py.
 */

import { criteriaOf } from './build-profiles.ts'
import { quote } from './describe.ts'
import { type EntryOf, entriesOf, type Finding, type Located, plainWordsOf, textOf, valueAt } from './located.ts'
import type { SourceText } from './report.ts'

const PLAIN_SECTIONS = ['input_options', 'output_options'] as const
const MIXIN_SECTIONS = ['output_options_audio', 'output_options_video', 'output_options_subtitle'] as const

const CURE = 'write each option as an entry of its own'

export function checkQuirks(root: Located, source: SourceText): readonly Finding[] {
  const profiles = entriesOf(valueAt(root, 'profiles'))
  return [
    ...profiles.flatMap(checkEntries),
    ...profiles.flatMap(checkRepeats),
    ...profiles.flatMap((profile) => checkStrings(profile, profiles, source)),
    ...checkNameClashes(root),
    ...entriesOf(valueAt(root, 'rules')).flatMap(checkRule),
    ...entriesOf(valueAt(root, 'config', 'clusters')).flatMap(([, cluster]) => entriesOf(cluster.value).flatMap(checkHost)),
  ]
}

/** True where a file holds what only pytranscoder ever understood: then its loose ends are told, but do not stop it. */
export function isWrittenForPytranscoder(root: Located, hasDeprecatedKeys: boolean): boolean {
  const hosts = entriesOf(valueAt(root, 'config', 'clusters')).flatMap(([, cluster]) => entriesOf(cluster.value))
  const hasAgent = hosts.some(([, host]) => textOf(valueAt(host.value, 'type')) === 'agent')
  const queues = [valueAt(root, 'config', 'queues'), ...hosts.map(([, host]) => valueAt(host.value, 'queues'))]
  const criteria = entriesOf(valueAt(root, 'rules')).map(([, rule]) => valueAt(rule.value, 'criteria'))
  return hasDeprecatedKeys || hasAgent || [...queues, ...criteria].some((node) => node?.kind === 'list')
}

/** pytranscoder takes an entry apart at white space and keeps one value beside the option, else the option alone. */
function checkEntries([profile, { value }]: EntryOf): readonly Finding[] {
  return [...PLAIN_SECTIONS, ...MIXIN_SECTIONS].flatMap((section) => {
    const node = valueAt(value, section)
    if (node?.kind !== 'list') return []
    return node.items.flatMap((item) => {
      const words = countable(textOf(item))
      if (words.length < 3) return []
      const message = `Of ${quote(words.join(' '))} in profile ${quote(profile)} only ${quote(words[0] ?? '')} is kept, as in pytranscoder; ${CURE}`
      return [{ offset: item.offset, message }]
    })
  })
}

/** pytranscoder knows the entries of a list by their first words. */
function checkRepeats([profile, { value }]: EntryOf): readonly Finding[] {
  return [...PLAIN_SECTIONS, ...MIXIN_SECTIONS].flatMap((section) => {
    const node = valueAt(value, section)
    const items = node?.kind === 'list' ? node.items : []
    const names = items.map((item) => countable(textOf(item))[0])
    return items.flatMap((item, index) => {
      const name = names[index]
      if (name === undefined || names.indexOf(name) === index) return []
      const message = `${quote(name)} stands twice in ${quote(section)} of profile ${quote(profile)}; only the last is kept, as in pytranscoder`
      return [{ offset: item.offset, message }]
    })
  })
}

/** A text is merged like a list of one entry, by the profile that includes and by the one that is included. */
function checkStrings([name, { value }]: EntryOf, profiles: readonly EntryOf[], source: SourceText): readonly Finding[] {
  const includes = (profile: Located) => plainWordsOf(valueAt(profile, 'include'), source.text)
  const hasInclude = includes(value).length > 0
  const includedBy = profiles.find(([, other]) => includes(other.value).includes(name))?.[0]
  if (!hasInclude && includedBy === undefined) return []
  return [...PLAIN_SECTIONS, ...MIXIN_SECTIONS].flatMap((section) => {
    const node = valueAt(value, section)
    const words = countable(textOf(node))
    if (node === undefined || words.length < 3) return []
    const why = hasInclude ? 'because the profile has an "include"' : `where profile ${quote(includedBy ?? '')} includes it`
    const message = `Of ${quote(section)} in profile ${quote(name)} only ${quote(words[0] ?? '')} is kept ${why}, as in pytranscoder; write a list, each option as an entry of its own`
    return [{ offset: node.offset, message }]
  })
}

function checkRule([rule, { value }]: EntryOf): readonly Finding[] {
  return criteriaOf(value).flatMap(([key, entry]) => {
    const text = textOf(entry.value) ?? ''
    if (key === 'path' && text.length > 1 && text.startsWith('!')) {
      const message = `"!" in front of "path" of rule ${quote(rule)} is taken off and turns nothing round, as in pytranscoder; write "^(?!.*…)" for paths that do not match`
      return [{ offset: entry.value.offset, message }]
    }
    const range = /^!?\s*([\d.]+)\s*-\s*([\d.]+)\s*$/.exec(text)
    if (range === null || key === 'path' || Number(range[1]) <= Number(range[2])) return []
    return [
      {
        offset: entry.value.offset,
        message: `The range of ${quote(key)} of rule ${quote(rule)} runs backwards, so that nothing lies in it: ${quote(text)}`,
      },
    ]
  })
}

function checkHost([host, { value }]: EntryOf): readonly Finding[] {
  const type = valueAt(value, 'type')
  if (type === undefined || textOf(type) !== 'agent') return []
  const message = `Host ${quote(host)} is read as "streaming": there is no agent any more, the host is reached by SSH`
  return [{ offset: type.offset, message }]
}

function checkNameClashes(root: Located): readonly Finding[] {
  const profiles = entriesOf(valueAt(root, 'profiles'))
  const templates = entriesOf(valueAt(root, 'templates'))
  return [
    ...templates
      .filter(([name]) => profiles.some(([other]) => other === name))
      .map(([name, { keyOffset }]) => ({
        offset: keyOffset,
        message: `${quote(name)} is a profile too; where only the name is given, the template is meant`,
      })),
    ...[...profiles, ...templates]
      .filter(([name]) => name.toUpperCase() === 'SKIP')
      .map(([name, { keyOffset }]) => ({
        offset: keyOffset,
        message: `A rule cannot name ${quote(name)}: there it means to leave the file alone`,
      })),
  ]
}

function countable(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}
