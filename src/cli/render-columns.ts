/** Two columns and tables for a terminal of 80 columns, or as many as there are. */

import { fitText, measureText } from '../view/fit-text.ts'
import { wrapWords } from '../view/wrap-words.ts'

/** Texts longer than this have their note on a line of its own where it does not fit behind them. */
const NOTE_COLUMN = 40

export interface NotedLine {
  readonly text: string
  /** Stands in a column at the right. */
  readonly note?: string | undefined
}

/** @param paint colours notes. */
export function renderNoted(lines: readonly NotedLine[], columns: number, paint: (note: string) => string): readonly string[] {
  const notes = lines.filter(({ note }) => note !== undefined)
  const widest = (measure: (line: NotedLine) => number): number => Math.max(0, ...notes.map(measure))
  const column = Math.min(
    NOTE_COLUMN,
    widest(({ text }) => measureText(text) + 2),
    Math.max(0, columns - widest(({ note = '' }) => measureText(note))),
  )
  return lines.flatMap(({ text, note }) => {
    const shown = measureText(text) > columns ? wrapWords(text, columns, measureText(text) - measureText(text.trimStart()) + 2) : [text]
    if (note === undefined) return shown
    const used = measureText(shown.at(-1) ?? '') + 2
    const at = Math.max(used, column)
    const head = shown.slice(0, -1)
    if (at + measureText(note) <= columns) return [...head, fitText(shown.at(-1) ?? '', at) + paint(note)]
    if (used + measureText(note) <= columns) return [...head, `${shown.at(-1)}  ${paint(note)}`]
    return [...shown, ' '.repeat(column) + paint(note)]
  })
}

/** Rows of cells; the last column takes what is left and is wrapped in it. Columns in which nothing stands are left out. */
export function renderTable(rows: readonly (readonly string[])[], columns: number, indent: number): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count - 1 }, (_, index) => Math.max(...rows.map((row) => measureText(row[index] ?? ''))))
  return rows.flatMap((row) => {
    const cells = row.slice(0, count - 1).flatMap((cell, index) => (widths[index] === 0 ? [] : [fitText(cell, widths[index] ?? 0)]))
    const head = ' '.repeat(indent) + cells.map((cell) => `${cell}  `).join('')
    return wrapWords(head + (row[count - 1] ?? ''), columns, measureText(head)).map((line) => line.trimEnd())
  })
}
