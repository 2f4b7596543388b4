/**
 * Sources with more than one name. A replacement gives its own name another file; the other names keep the old film, whole, and its
 * space is not free until they are gone. So the person is told, or such files are left alone (`hard_links: skip`).
 */

import { lstat } from 'node:fs/promises'

/** Names of the file beside this one. */
export async function countOtherNames(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined)
  return found === undefined ? 0 : Math.max(0, found.nlink - 1)
}

export function describeOtherNames(count: number): string {
  return count === 1 ? 'it has another name (a hard link)' : `it has ${count} other names (hard links)`
}

export function warnOfOtherNames(count: number): string {
  const pronoun = count === 1 ? 'that keeps' : 'those keep'
  return `${describeOtherNames(count)}: ${pronoun} the old film, and nothing is saved while ${count === 1 ? 'it is' : 'they are'} there`
}
