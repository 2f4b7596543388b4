/**
 * The names in a configuration file, for completion while a person types: quick (nothing is checked) and tolerant
 * (of a file that is broken, what can be read counts).
 */

import { type EntryOf, entriesOf, type Findings, type Located, valueAt } from './located.ts'
import { readYaml } from './read-yaml.ts'
import { createSourceText } from './report.ts'

export interface ConfigNames {
  readonly clusters: readonly string[]
  readonly hosts: readonly string[]
  /** Those that can be encoded with. */
  readonly profiles: readonly string[]
  readonly templates: readonly string[]
  /** Fragments: what a mixin is made of. */
  readonly mixins: readonly string[]
}

/** Keys that make a profile more than a fragment: of its own, or through others, it has a container. */
const WHOLE_KEYS = ['extension', 'include', 'variants']

export function readConfigNames(text: string): ConfigNames {
  const findings: Findings = { problems: [], warnings: [] }
  const root = readYaml(createSourceText('', text), findings)
  const clusters = entriesOf(valueAt(root, 'config', 'clusters'))
  const profiles = entriesOf(valueAt(root, 'profiles'))
  return {
    clusters: namesOf(clusters),
    hosts: [...new Set(clusters.flatMap(([, { value }]) => namesOf(entriesOf(value))))],
    profiles: namesOf(profiles.filter(([, { value }]) => isWhole(value))),
    templates: namesOf(entriesOf(valueAt(root, 'templates'))),
    mixins: namesOf(profiles.filter(([, { value }]) => !isWhole(value))),
  }
}

function namesOf(entries: readonly EntryOf[]): readonly string[] {
  return entries.map(([name]) => name)
}

function isWhole(profile: Located): boolean {
  return WHOLE_KEYS.some((key) => valueAt(profile, key) !== undefined)
}
