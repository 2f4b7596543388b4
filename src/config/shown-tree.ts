/** A configuration to be shown: values with where each comes from, as YAML with a comment behind each value, or as a flat list. */

import { stringify } from 'yaml'
import { toVisible } from '../core/text.ts'
import type { SourcePlace } from '../model/config.ts'

export interface Origin {
  readonly kind: 'file' | 'shipped' | 'default' | 'ssh'
  /** Where it stands in its file. */
  readonly place?: SourcePlace | undefined
  /** More for a person. */
  readonly detail?: string | undefined
}

export type Shown =
  | { readonly kind: 'value'; readonly value: string | number | boolean | readonly string[]; readonly origin: Origin }
  /** Something that no value can say. */
  | { readonly kind: 'remark'; readonly text: string; readonly origin: Origin }
  | { readonly kind: 'list'; readonly items: readonly Shown[]; readonly origin: Origin }
  | { readonly kind: 'map'; readonly entries: readonly ShownEntry[]; readonly origin: Origin }

export type ShownEntry = readonly [key: string, shown: Shown]

export interface ShownValue {
  /** From the root down. */
  readonly path: readonly string[]
  readonly value: string | number | boolean | readonly string[]
  readonly origin: Origin
}

/** Comments stand in one column where the values leave room for it. */
const COMMENT_COLUMN = 44

/** Lines of YAML that read as the same configuration. */
export function renderShown(entries: readonly ShownEntry[], describeOrigin: (origin: Origin) => string): readonly string[] {
  return renderEntries(entries, '')

  function renderEntries(parts: readonly ShownEntry[], indent: string): readonly string[] {
    return parts.flatMap(([key, shown]) =>
      shown.kind === 'remark'
        ? [withComment(`${indent}# ${toVisible(shown.text)}`, shown.origin)]
        : render(`${indent}${toYaml(key)}:`, shown, indent),
    )
  }

  function render(head: string, shown: Exclude<Shown, { kind: 'remark' }>, indent: string): readonly string[] {
    if (shown.kind === 'value') return [withComment(`${head} ${toYaml(shown.value)}`, shown.origin)]
    if (shown.kind === 'map') {
      const lines = renderEntries(shown.entries, `${indent}  `)
      return shown.entries.some(([, entry]) => entry.kind !== 'remark')
        ? [head, ...lines]
        : [withComment(`${head} {}`, shown.origin), ...lines]
    }
    if (shown.items.length === 0) return [withComment(`${head} []`, shown.origin)]
    return [head, ...shown.items.flatMap((item) => (item.kind === 'remark' ? [] : render(`${indent}  -`, item, `${indent}  `)))]
  }

  function withComment(text: string, origin: Origin): string {
    return `${text.padEnd(COMMENT_COLUMN)}  # ${describeOrigin(origin)}`
  }
}

export function listShown(entries: readonly ShownEntry[], path: readonly string[] = []): readonly ShownValue[] {
  return entries.flatMap(([key, shown]) => list(shown, [...path, key]))
}

function list(shown: Shown, path: readonly string[]): readonly ShownValue[] {
  if (shown.kind === 'value') return [{ path, value: shown.value, origin: shown.origin }]
  if (shown.kind === 'map') return listShown(shown.entries, path)
  return shown.kind === 'list' ? shown.items.flatMap((item, index) => list(item, [...path, String(index)])) : []
}

/** One line, safe for a terminal, that is read back as the same value. */
function toYaml(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'object') return `[${value.map(toQuoted).join(', ')}]`
  if (typeof value !== 'string') return String(value)
  if (toVisible(value) !== value) return toQuoted(value)
  const text = stringify(value, { version: '1.1', lineWidth: 0 }).trimEnd()
  return text.includes('\n') ? toQuoted(value) : text
}

function toQuoted(text: string): string {
  // JSON leaves alone what a terminal acts on beyond ASCII's own control characters.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
