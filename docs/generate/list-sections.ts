/** The sections of the configuration schema, as documentation tells them: each map with keys of its own, and where it stands. */

import type { Schema } from '../../src/config/schema/json-schema.ts'

export interface SchemaSection {
  /** `config.clusters.CLUSTER.HOST`: capitals stand for names that the person chooses. */
  readonly path: string
  readonly schema: Schema
}

export interface SchemaKey {
  readonly key: string
  readonly path: string
  readonly schema: Schema
}

/** What the maps of names hold, by the path of the map. */
const NAMES: Readonly<Record<string, string>> = {
  'config.clusters': 'CLUSTER',
  'config.clusters.CLUSTER': 'HOST',
  profiles: 'PROFILE',
  templates: 'TEMPLATE',
  rules: 'RULE',
}

/** In the order of the schema, outer ones first. */
export function listSections(schema: Schema, path = ''): readonly SchemaSection[] {
  const properties = Object.entries(schema.properties ?? {})
  const own = properties.length === 0 ? [] : [{ path, schema }]
  const inner = properties.flatMap(([key, value]) => (value.deprecated === true ? [] : listSections(value, join(path, key))))
  const named =
    typeof schema.additionalProperties === 'object' ? listSections(schema.additionalProperties, join(path, nameBelow(path))) : []
  const alternatives = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])].flatMap((part) =>
    listSections(part, path),
  )
  return withoutRepeats([...own, ...inner, ...named, ...alternatives])
}

export function listKeys({ path, schema }: SchemaSection): readonly SchemaKey[] {
  return Object.entries(schema.properties ?? {}).map(([key, value]) => ({ key, path: join(path, key), schema: value }))
}

function nameBelow(path: string): string {
  return NAMES[path] ?? 'NAME'
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** One map may be told in several forms: as itself, or as an entry of a list. */
function withoutRepeats(sections: readonly SchemaSection[]): readonly SchemaSection[] {
  return sections.filter(({ path }, index) => sections.findIndex((other) => other.path === path) === index)
}
