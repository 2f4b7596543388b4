/** Text measured and cut in terminal columns: a wide character takes two, a combining one none. */

import cliTruncate from 'cli-truncate'
import stringWidth from 'string-width'
import { toVisible } from '../core/text.ts'

/** A path as people know it: without its folders, safe for a terminal. */
export function toFileLabel(path: string): string {
  // A backslash is an ordinary character of a POSIX name.
  const separator = path.startsWith('/') ? path.lastIndexOf('/') : Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return toLabel(path.slice(separator + 1))
}

/** Any name safe for a terminal, on one line. A lone half of a surrogate pair becomes the replacement character it would be shown as. */
export function toLabel(name: string): string {
  return toVisible(name.toWellFormed())
}

export function measureText(text: string): number {
  return stringWidth(text)
}

/** Cuts to at most `columns`; `middle` keeps both ends, which keeps a file's extension and episode number. */
export function cutText(text: string, columns: number, position: 'middle' | 'end' = 'end'): string {
  return columns < 1 ? '' : cliTruncate(text, columns, { position })
}

/** Cut or filled up with spaces to exactly `columns`. */
export function fitText(text: string, columns: number, position: 'middle' | 'end' = 'end'): string {
  const cut = cutText(text, columns, position)
  return cut + ' '.repeat(Math.max(0, columns - stringWidth(cut)))
}

/** As `fitText`, filled up in front. */
export function fitTextRight(text: string, columns: number): string {
  const cut = cutText(text, columns)
  return ' '.repeat(Math.max(0, columns - stringWidth(cut))) + cut
}
