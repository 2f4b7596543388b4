/** A YAML document as plain data in which every piece knows where it was written. */

export type Located = LocatedScalar | LocatedList | LocatedMap

export interface LocatedScalar {
  readonly kind: 'scalar'
  /** Index of its first character in the text. */
  readonly offset: number
  readonly endOffset: number
  readonly value: string | number | boolean | null
  /** What was written, where it was written without quotes. */
  readonly plainText: string | undefined
}

interface LocatedList {
  readonly kind: 'list'
  readonly offset: number
  readonly items: readonly Located[]
}

export interface LocatedEntry {
  readonly keyOffset: number
  readonly value: Located
}

export interface LocatedMap {
  readonly kind: 'map'
  readonly offset: number
  /** In the order written; what a merge key brings stands first. */
  readonly entries: ReadonlyMap<string, LocatedEntry>
}

/** What was found out about a text: problems stop everything, warnings are told. */
export interface Finding {
  readonly offset: number
  readonly message: string
}

export interface Findings {
  readonly problems: Finding[]
  readonly warnings: Finding[]
}

export type EntryOf = readonly [name: string, entry: LocatedEntry]

/** The value under a key; undefined where it is no map or has no such key. */
export function valueAt(node: Located | undefined, ...keys: readonly string[]): Located | undefined {
  let current = node
  for (const key of keys) {
    if (current?.kind !== 'map') return undefined
    current = current.entries.get(key)?.value
  }
  return current
}

export function entriesOf(node: Located | undefined): readonly EntryOf[] {
  return node?.kind === 'map' ? [...node.entries] : []
}

/** The entries of a map, or of every map in a list: pytranscoder writes queues and criteria either way. */
export function entriesOfEach(node: Located | undefined): readonly EntryOf[] {
  return node?.kind === 'list' ? node.items.flatMap(entriesOf) : entriesOf(node)
}

export function textOf(node: Located | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined
}

export function numberOf(node: Located | undefined): number | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined
}

export function booleanOf(node: Located | undefined): boolean | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'boolean' ? node.value : undefined
}

/** Text and place of each word of a text or of a list of texts; a text is split at white space. */
export function wordsOf(node: Located | undefined, source: string): readonly { readonly word: string; readonly offset: number }[] {
  if (node === undefined || node.kind === 'map') return []
  if (node.kind === 'list')
    return node.items.flatMap((item) => (item.kind === 'scalar' ? [{ word: textOf(item) ?? '', offset: item.offset }] : []))
  const words = (textOf(node) ?? '').split(/\s+/).filter((word) => word !== '')
  let from = node.offset
  return words.map((word) => {
    const found = source.indexOf(word, from)
    if (found === -1 || found >= node.endOffset) return { word, offset: node.offset }
    from = found + word.length
    return { word, offset: found }
  })
}

/** The same without their places. */
export function plainWordsOf(node: Located | undefined, source: string): readonly string[] {
  return wordsOf(node, source).map(({ word }) => word)
}

/** The data alone. Objects have no prototype, so that no key means more than itself. */
export function toPlain(node: Located): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(toPlain)
  const plain: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of node.entries) plain[key] = toPlain(entry.value)
  return plain
}
