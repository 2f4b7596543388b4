/** Located values → values to be shown with their places, whatever the schema says they are. */

import { schemaOf, schemaOfKey } from './fit-values.ts'
import { entriesOf, type Located } from './located.ts'
import type { SourceText } from './report.ts'
import type { Schema } from './schema/json-schema.ts'
import type { Origin, Shown, ShownEntry } from './shown-tree.ts'

export const DEFAULT: Origin = { kind: 'default' }

/** Stands for what may be secret. */
export const HIDDEN = '***'

export interface Walk {
  readonly originAt: (offset: number) => Origin
}

export function createWalk(source: SourceText, kind: 'file' | 'shipped'): Walk {
  return { originAt: (offset) => ({ kind, place: source.placeOf(offset) }) }
}

export function toMap(entries: readonly ShownEntry[]): Shown {
  return { kind: 'map', entries, origin: DEFAULT }
}

/** The entries of a map that have a value and a meaning. */
export function walkMap(node: Located | undefined, schema: Schema, walk: Walk): readonly ShownEntry[] {
  const own = schemaOf('object', schema) ?? {}
  return entriesOf(node).flatMap(([key, { keyOffset, value }]) => {
    const keySchema = schemaOfKey(own, key)
    if (keySchema === undefined || keySchema.deprecated === true) return []
    const shown = show(value, keySchema, walk, keyOffset)
    return shown === undefined ? [] : [[key, shown] as const]
  })
}

/** Undefined where there is no value. */
function show(node: Located, schema: Schema, walk: Walk, keyOffset = node.offset): Shown | undefined {
  const origin = walk.originAt(keyOffset)
  if (node.kind === 'map') return { kind: 'map', entries: walkMap(node, schema, walk), origin }
  if (node.kind === 'list') {
    const items = schemaOf('array', schema)?.items ?? {}
    return { kind: 'list', items: node.items.flatMap((item) => show(item, items, walk) ?? []), origin }
  }
  if (node.value === null) return undefined
  return { kind: 'value', value: typeof node.value === 'string' ? withoutPassword(node.value) : node.value, origin }
}

/** `scheme://user:password@host` */
export function withoutPassword(text: string): string {
  return text.replace(/(\w:\/\/[^\s:/@]*:)[^\s/@]+@/g, `$1${HIDDEN}@`)
}
