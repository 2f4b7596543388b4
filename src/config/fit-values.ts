/**
 * Located data made to fit the schema where YAML's own reading of a value is not what its key takes:
 * a name such as `no` or `264` is text, `'yes'` in quotes is a boolean, an empty section is a section without keys.
 * What cannot be made to fit is left as it is, for the check to report.
 */

import type { Located, LocatedEntry, LocatedMap, LocatedScalar } from './located.ts'
import type { Schema } from './schema/json-schema.ts'

export function fitValues(node: Located, schema: Schema): Located {
  if (node.kind === 'map') return fitMap(node, schemaOf('object', schema) ?? {})
  if (node.kind === 'list') {
    const items = schemaOf('array', schema)?.items ?? {}
    return { ...node, items: node.items.map((item) => fitValues(item, items)) }
  }
  if (node.value === null) return fitEmpty(node, schema)
  return fitScalar(node, schema)
}

/** The part of a schema that is for one type: itself, or one of its `anyOf`. */
export function schemaOf(type: Schema['type'], schema: Schema): Schema | undefined {
  return alternatives(schema).find((alternative) => alternative.type === type)
}

/** Schema of a key of a map; undefined where the map has no such key. */
export function schemaOfKey(schema: Schema, key: string): Schema | undefined {
  const properties = schema.properties ?? {}
  if (Object.hasOwn(properties, key)) return properties[key]
  return schema.additionalProperties === false ? undefined : schema.additionalProperties
}

function alternatives(schema: Schema): readonly Schema[] {
  return schema.anyOf ?? [schema]
}

function fitMap(node: LocatedMap, schema: Schema): LocatedMap {
  const entries = new Map<string, LocatedEntry>()
  for (const [key, entry] of node.entries) {
    const keySchema = schemaOfKey(schema, key) ?? {}
    if (isLeftOut(entry.value, key, keySchema, schema)) continue
    entries.set(key, { ...entry, value: fitValues(entry.value, keySchema) })
  }
  return { ...node, entries }
}

/** A key of ours without a value counts as left out, unless emptiness has a meaning there or would hide a mistake. */
function isLeftOut(value: Located, key: string, keySchema: Schema, schema: Schema): boolean {
  if (value.kind !== 'scalar' || value.value !== null || keySchema.whenEmpty === 'error') return false
  if (keySchema.deprecated === true && keySchema.type === undefined) return false
  const isOurKey = Object.hasOwn(schema.properties ?? {}, key)
  return isOurKey && keySchema.default === undefined && keySchema.type !== 'object'
}

function fitEmpty(node: LocatedScalar, schema: Schema): Located {
  if (Array.isArray(schema.default)) return { kind: 'list', offset: node.offset, items: [] }
  if (typeof schema.default === 'string') return { ...node, value: schema.default }
  return schema.type === 'object' ? { kind: 'map', offset: node.offset, entries: new Map() } : node
}

function fitScalar(node: LocatedScalar, schema: Schema): LocatedScalar {
  const types = alternatives(schema).map((alternative) => alternative.type)
  const isText = typeof node.value === 'string'
  if (!isText && types.includes('string')) return node.plainText === undefined ? node : { ...node, value: node.plainText }
  if (!isText || types.includes('string')) return node
  const value = String(node.value)
  if (types.includes('boolean')) {
    if (/^(?:yes|true|on|y)$/i.test(value)) return { ...node, value: true }
    if (/^(?:no|false|off|n)$/i.test(value)) return { ...node, value: false }
  }
  if ((types.includes('integer') || types.includes('number')) && /^-?\d+(?:\.\d+)?$/.test(value)) return { ...node, value: Number(value) }
  return node
}
