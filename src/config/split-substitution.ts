/** One `path-substitutions` entry as pytranscoder writes it, `"/volume1/media/ /mnt/media/"`, → its two paths. */

import type { PathSubstitution } from '../model/config.ts'

/** Where a second path begins: white space, then `/`, `\` or a drive letter. */
const BOUNDARY = /\s+(?=\/|\\|[A-Za-z]:)/g

/** Two words are two paths; of more words the last that begins like a path begins the second one. Undefined where neither is so. */
export function splitSubstitution(text: string): PathSubstitution | undefined {
  const words = text.trim().split(/\s+/)
  const [from, to] = words
  if (words.length === 2 && from !== undefined && to !== undefined) return { from, to }
  const trimmed = text.trim()
  const boundary = [...trimmed.matchAll(BOUNDARY)].at(-1)
  if (words.length < 2 || boundary === undefined) return undefined
  return { from: trimmed.slice(0, boundary.index), to: trimmed.slice(boundary.index + boundary[0].length) }
}
