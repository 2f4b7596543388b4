/** A name to make others of: with something before or behind it, it still fits a filesystem. */

import { createHash } from 'node:crypto'

/** Of the 255 bytes that a name may have; the rest is for what is put around it. */
const LONGEST_BYTES = 200

/** The name itself, where it is short; else one of its own, as two long names may begin alike. */
export function toShortName(name: string): string {
  return Buffer.byteLength(name) <= LONGEST_BYTES ? name : createHash('sha256').update(name).digest('hex').slice(0, 32)
}
