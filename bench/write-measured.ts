/** Puts what was measured into a document, between the two comments that hold its place; what a person wrote around them stays. */

import { readFile, writeFile } from 'node:fs/promises'

export async function writeMeasured(document: string, section: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- measured: ${section} -->`, `<!-- end: ${section} -->`]
  const before = await readFile(document, 'utf8')
  const [from, to] = [before.indexOf(begin), before.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`"${document}" has no place for "${section}": write "${begin}" and "${end}" into it`)
  await writeFile(document, `${before.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${before.slice(to)}`)
}
