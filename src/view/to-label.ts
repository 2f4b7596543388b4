/** Names as they are shown: safe for a terminal, on one line. */

import { toVisible } from '../core/text.ts'

/** A path as people know it: without its folders. */
export function toFileLabel(path: string): string {
  // A backslash is an ordinary character of a POSIX name.
  const separator = path.startsWith('/') ? path.lastIndexOf('/') : Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return toLabel(path.slice(separator + 1))
}

/** A lone half of a surrogate pair becomes the replacement character it would be shown as. */
export function toLabel(name: string): string {
  return toVisible(name.toWellFormed())
}
