/**
 * YAML text → located data, read as PyYAML reads it: YAML 1.1 values (`yes`, `no`, `on`, `off`), the last of two equal keys wins,
 * anchors and merge keys (`<<`). Values of tags beyond text, number, boolean and null are kept as they were written.
 */

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml'
import { toVisible } from '../core/text.ts'
import type { Finding, Findings, Located, LocatedEntry, LocatedMap, LocatedScalar } from './located.ts'
import type { SourceText } from './report.ts'

/** More nodes than any written file has: what anchors multiply beyond that is an attack or a mistake. */
const MAX_NODES = 100_000

const PLAIN_TAGS = /:(?:map|seq|str|null|bool|int|float|merge)$/

/** The document's data; undefined where there is none. Problems and warnings are added to `findings`. */
export function readYaml(source: SourceText, findings: Findings): Located | undefined {
  const document = parseDocument(source.text, {
    version: '1.1',
    uniqueKeys: false,
    prettyErrors: false,
    // Any other level keeps the error for a second document to itself.
    logLevel: 'error',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || PLAIN_TAGS.test(tag.tag)),
  })
  for (const error of document.errors) {
    findings.problems.push(describeYamlError(error, document, source.text))
  }
  if (document.contents === null) return undefined
  return createReader(document, source, findings)(document.contents, document.contents.range?.[0] ?? 0)
}

function createReader(document: Document, source: SourceText, findings: Findings): (node: unknown, fallbackOffset: number) => Located {
  const open = new Set<Node>()
  let count = 0

  function read(node: unknown, fallbackOffset: number): Located {
    count += 1
    if (count > MAX_NODES) {
      if (count === MAX_NODES + 1)
        findings.problems.push({ offset: fallbackOffset, message: `Anchors multiply the file to more than ${MAX_NODES} values` })
      return emptyAt(fallbackOffset)
    }
    if (isAlias(node)) return readAlias(node, node.range?.[0] ?? fallbackOffset)
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return emptyAt(fallbackOffset)
    if (open.has(node)) {
      findings.problems.push({ offset: fallbackOffset, message: 'The anchor holds itself' })
      return emptyAt(fallbackOffset)
    }
    open.add(node)
    try {
      if (isMap(node)) return readMap(node, fallbackOffset)
      const offset = node.range?.[0] ?? fallbackOffset
      if (isSeq(node)) return { kind: 'list', offset, items: node.items.map((item) => read(item, dashBefore(item as Node | null, offset))) }
      return toScalar(node.value, node.type === 'PLAIN' ? node.source : undefined, node.range, fallbackOffset)
    } finally {
      open.delete(node)
    }
  }

  /** An empty entry of a list has no characters of its own: its dash stands for it. */
  function dashBefore(item: Node | null, listOffset: number): number {
    const end = item?.range?.[0]
    return end === undefined ? listOffset : Math.max(listOffset, source.text.lastIndexOf('-', end))
  }

  function readAlias(node: { readonly source: string } & Node, offset: number): Located {
    const target = isAlias(node) ? node.resolve(document) : undefined
    if (target !== undefined) return read(target, offset)
    findings.problems.push({ offset, message: `Anchor "${toVisible(node.source)}" is not defined above` })
    return emptyAt(offset)
  }

  function readMap(node: YAMLMap, fallbackOffset: number): LocatedMap {
    const offset = node.range?.[0] ?? fallbackOffset
    const merged = new Map<string, LocatedEntry>()
    const own = new Map<string, LocatedEntry>()
    for (const pair of node.items as Pair[]) {
      const keyOffset = (pair.key as Node | null)?.range?.[0] ?? offset
      if (isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.source === '<<') {
        mergeInto(merged, read(pair.value, keyOffset), keyOffset)
        continue
      }
      const key = isAlias(pair.key) ? readAlias(pair.key, keyOffset) : pair.key
      const name = nameOf(key)
      if (name === undefined) {
        findings.problems.push({ offset: keyOffset, message: 'A key must be a text' })
        continue
      }
      const first = own.get(name)
      if (first !== undefined) {
        const line = source.placeOf(first.keyOffset).line
        findings.warnings.push({ offset: keyOffset, message: `"${toVisible(name)}" was already given in line ${line}; this one counts` })
      }
      own.set(name, { keyOffset, value: read(pair.value, keyOffset) })
    }
    for (const [name, entry] of own) merged.set(name, entry)
    return { kind: 'map', offset, entries: merged }
  }

  /** Of several merged maps the first that has a key wins (https://yaml.org/type/merge.html). */
  function mergeInto(merged: Map<string, LocatedEntry>, value: Located, keyOffset: number): void {
    if (value.kind === 'list') {
      for (const item of [...value.items].reverse()) mergeInto(merged, item, keyOffset)
    } else if (value.kind === 'map') {
      for (const [name, entry] of value.entries) merged.set(name, entry)
    } else {
      findings.problems.push({
        offset: keyOffset,
        message: 'A merge key ("<<") must name an anchor that holds keys with values, or a list of such',
      })
    }
  }

  return read
}

function nameOf(key: unknown): string | undefined {
  if (isScalar(key)) return key.type === 'PLAIN' && key.source !== undefined ? key.source || undefined : String(key.value)
  const located = key as LocatedScalar | null
  return located?.kind === 'scalar' && located.value !== null ? (located.plainText ?? String(located.value)) : undefined
}

function toScalar(value: unknown, plainText: string | undefined, range: Node['range'], fallbackOffset: number): LocatedScalar {
  const isKnown = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
  const isWritten = range !== undefined && range !== null && range[1] > range[0]
  return {
    kind: 'scalar',
    offset: isWritten ? range[0] : fallbackOffset,
    endOffset: isWritten ? range[1] : fallbackOffset,
    value: isKnown ? value : String(plainText ?? value),
    plainText,
  }
}

function emptyAt(offset: number): LocatedScalar {
  return { kind: 'scalar', offset, endOffset: offset, value: null, plainText: undefined }
}

function describeYamlError({ code, message, pos }: YAMLParseError, document: Document, text: string): Finding {
  const offset = pos[0] + (/^ */.exec(text.slice(pos[0]))?.[0].length ?? 0)
  if (code === 'TAB_AS_INDENT') return { offset, message: 'Tabs cannot indent YAML; use spaces' }
  if (code === 'MULTIPLE_DOCS') return { offset, message: 'A second YAML document begins here ("---"); the file may hold one' }
  if (code === 'BLOCK_AS_IMPLICIT_KEY') {
    return {
      offset,
      message: 'A key with its value cannot begin here; put it on an indented line of its own, or the text with ": " in quotes',
    }
  }
  const opening = code === 'MISSING_CHAR' ? openingQuote(document, pos[0]) : undefined
  if (opening !== undefined) return { offset: opening, message: 'The quote that opens here is never closed' }
  return { offset, message: `YAML: ${toVisible(message)}` }
}

/** A quote that is never closed is missed at the end of the file, far from where it stands. */
function openingQuote(document: Document, endOffset: number): number | undefined {
  let opening: number | undefined
  visit(document, {
    Scalar(_key, node) {
      if (node.type?.startsWith('QUOTE_') && node.range?.[1] === endOffset) opening = node.range[0]
    },
  })
  return opening
}
