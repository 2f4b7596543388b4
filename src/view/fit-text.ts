/**
 * Text measured and cut in terminal columns: a wide character takes two, a combining one none.
 *
 * Loading this takes 20 ms, in which string-width prepares what it knows of emoji: runs that show no columns leave it alone until their summary.
 */

import cliTruncate from 'cli-truncate'
import stringWidth from 'string-width'

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
