/**
 * ffmpeg options as a profile writes them, and how an included profile's are merged into them. This replays pytranscoder's `Options`
 * step by step, its oddities included, since a configuration's ffmpeg arguments must not change under it:
 * - a list is made of entries of one or two words (`-c:v libx264`); an entry of more words is cut to its first;
 * - of two entries with the same first word the last one holds, in the place of the first;
 * - one string stays as it is until it is merged, and is then an entry like any other, cut like any other.
 */

import type { OptionsText } from '../model/config.ts'

/** Entries of one or more words, in order. */
export type OptionEntries = readonly string[]

export function parseOptions(text: OptionsText): OptionEntries {
  if (typeof text !== 'string') return mergeOptions([], text)
  return text.trim() === '' ? [] : [text]
}

/** The parent's entries first, in their order; the child's values win; what only the child has comes after. */
export function mergeOptions(child: OptionEntries, parent: OptionEntries): OptionEntries {
  const values = new Map<string, string | undefined>()
  for (const entry of [...parent, ...child]) {
    const [name, value, ...more] = toWords(entry)
    if (name !== undefined) values.set(name, more.length === 0 ? value : undefined)
  }
  return [...values].map(([name, value]) => (value === undefined ? name : `${name} ${value}`))
}

/** The entries as arguments. */
export function toArguments(entries: OptionEntries): readonly string[] {
  return entries.flatMap(toWords)
}

export function toWords(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
