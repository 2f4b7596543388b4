/** Words for the places of a configuration file and for what stands there. */

import { toVisible } from '../core/text.ts'
import type { Located } from './located.ts'
import type { Schema } from './schema/json-schema.ts'

const MAX_VALUE_LENGTH = 60

/** A name or value in quotes, safe to show. */
export function quote(text: string): string {
  const visible = toVisible(text)
  return `"${visible.length > MAX_VALUE_LENGTH ? `${visible.slice(0, MAX_VALUE_LENGTH - 1)}…` : visible}"`
}

/** `["rules", "anime", "profile"]` → `"profile" of rule "anime"`. */
export function describePath(path: readonly string[]): string {
  const last = path.at(-1)
  if (last === undefined) return 'the file'
  const entity = describeEntity(path)
  if (entity !== undefined) return entity
  const owner = path.slice(0, -1)
  const name = /^\d+$/.test(last) ? `entry ${Number(last) + 1}` : quote(last)
  // "criteria" and "cli" only hold the keys of their rule or template.
  const holder = owner.at(-1) === 'criteria' || owner.at(-1) === 'cli' ? owner.slice(0, -1) : owner
  return holder.length === 0 ? name : `${name} of ${describePath(holder)}`
}

/** `"a", "b" or "c"`. */
export function listNames(names: readonly string[], conjunction = 'or'): string {
  const quoted = names.map(quote)
  const last = quoted.at(-1) ?? ''
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(', ')} ${conjunction} ${last}`
}

export function describeFound(node: Located | undefined): string {
  if (node === undefined) return 'nothing'
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list'
  if (node.kind === 'map') return node.entries.size === 0 ? 'an empty map' : 'a map of keys and values'
  if (node.value === null) return 'nothing'
  if (typeof node.value === 'string') return node.value === '' ? 'an empty text' : quote(node.value)
  return toVisible(node.plainText ?? String(node.value))
}

export function describeExpected(schema: Schema): string {
  if (schema.expected !== undefined) return schema.expected
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeExpected).join(' or ')
  if (schema.enum !== undefined) return listNames(schema.enum)
  switch (schema.type) {
    case 'integer':
      return `a whole number${describeRange(schema)}`
    case 'number':
      return `a number${describeRange(schema)}`
    case 'boolean':
      return 'yes or no'
    case 'array':
      return 'a list'
    case 'object':
      return 'a map of keys and values'
    default:
      return 'a text'
  }
}

function describeRange(schema: Schema): string {
  if (schema.minimum !== undefined && schema.maximum !== undefined) return ` from ${schema.minimum} to ${schema.maximum}`
  return schema.minimum === undefined ? '' : ` of at least ${schema.minimum}`
}

function describeEntity(path: readonly string[]): string | undefined {
  const [section, second, third, fourth] = path
  if (path.length === 1) return `section ${quote(section ?? '')}`
  if (path.length === 2 && second !== undefined) {
    if (section === 'profiles') return `profile ${quote(second)}`
    if (section === 'templates') return `template ${quote(second)}`
    if (section === 'rules') return `rule ${quote(second)}`
  }
  if (section !== 'config' || second !== 'clusters' || third === undefined) return undefined
  if (path.length === 3) return `cluster ${quote(third)}`
  return path.length === 4 && fourth !== undefined ? `host ${quote(fourth)}` : undefined
}
