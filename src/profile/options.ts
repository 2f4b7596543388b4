/**
 * ffmpeg options as a profile writes them, and how an included profile's are merged into them. This replays pytranscoder's `Options`
 * step by step, its oddities included, since a configuration's ffmpeg arguments must not change under it:
 * - a list is made of entries of one or two words (`-c:v libx264`); an entry of more words is cut to its first;
 * - of two entries with the same first word the last one holds, in the place of the first;
 * - one string stays as it is until it is merged, and is then an entry like any other, cut like any other.
 */

import type { OptionsText, SourcePlace } from '../model/config.ts'

/** Who wrote a value, and where. */
export interface ValueOrigin {
  /** Name of the profile or template. */
  readonly profile: string
  readonly isShipped: boolean
  readonly place: SourcePlace
}

/** One or more words, and who contributed them. */
export interface OptionEntry {
  readonly text: string
  readonly origin: ValueOrigin
}

/** In order. */
export type OptionEntries = readonly OptionEntry[]

/** An entry as arguments. */
export interface OptionPiece {
  readonly arguments: readonly string[]
  readonly origin: ValueOrigin
}

/** @param originOf where an entry stands; undefined is asked for one string. */
export function parseOptions(text: OptionsText, originOf: (index: number | undefined) => ValueOrigin): OptionEntries {
  if (typeof text === 'string') return text.trim() === '' ? [] : [{ text, origin: originOf(undefined) }]
  const entries = text.map((entry, index) => ({ text: entry, origin: originOf(index) }))
  return mergeOptions([], entries)
}

/** The parent's entries first, in their order; the child's values win; what only the child has comes after. */
export function mergeOptions(child: OptionEntries, parent: OptionEntries): OptionEntries {
  const values = new Map<string, { readonly value: string | undefined; readonly origin: ValueOrigin }>()
  for (const { text, origin } of [...parent, ...child]) {
    const [name, value, ...more] = toWords(text)
    if (name !== undefined) values.set(name, { value: more.length === 0 ? value : undefined, origin })
  }
  return [...values].map(([name, { value, origin }]) => ({ text: value === undefined ? name : `${name} ${value}`, origin }))
}

export function toPieces(entries: OptionEntries): readonly OptionPiece[] {
  return entries.map(({ text, origin }) => ({ arguments: toWords(text), origin }))
}

export function toArguments(pieces: readonly OptionPiece[]): readonly string[] {
  return pieces.flatMap((piece) => piece.arguments)
}

export function toWords(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
