/** Findings → text for people: `file:line:column: what`, the source line, a caret beneath it. */

import { toVisible, toVisibleLines } from '../core/text.ts'
import type { SourcePlace } from '../model/config.ts'
import type { Finding } from './located.ts'

/** A text that can say on which line an index of it lies. */
export interface SourceText {
  readonly file: string
  readonly text: string
  /** Lines and columns count from 1, columns in characters (code points). */
  placeOf(offset: number): SourcePlace
  /** The line that holds the index, its line end taken off. */
  lineAt(offset: number): string
}

/** Longest piece of a source line that is shown. */
const MAX_LINE_LENGTH = 160

export function createSourceText(file: string, content: string): SourceText {
  const text = content.replace(/^\ufeff/, '')
  const starts = [0]
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length)

  function lineIndexOf(offset: number): number {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  return {
    file,
    text,
    placeOf(offset) {
      const index = lineIndexOf(offset)
      return { file, line: index + 1, column: [...text.slice(starts[index], offset)].length + 1 }
    },
    lineAt(offset) {
      const index = lineIndexOf(offset)
      return text.slice(starts[index], starts[index + 1]).replace(/[\r\n]+$/, '')
    },
  }
}

/** All findings in the order of the text, each once. */
export function formatReport(source: SourceText, findings: readonly Finding[]): string {
  const blocks = [...findings].sort((a, b) => a.offset - b.offset).map((finding) => formatFinding(source, finding))
  return [...new Set(blocks)].join('\n')
}

/** Three lines: place and message, the source line, a caret beneath it. */
export function formatFinding(source: SourceText, finding: Finding): string {
  const place = source.placeOf(finding.offset)
  const line = [...source.lineAt(finding.offset)]
  // A long line is cut to the part around the caret.
  const start = line.length <= MAX_LINE_LENGTH ? 0 : Math.max(0, place.column - 1 - MAX_LINE_LENGTH / 2)
  const before = (start > 0 ? '…' : '') + toVisible(line.slice(start, place.column - 1).join(''))
  const after =
    toVisible(line.slice(place.column - 1, start + MAX_LINE_LENGTH).join('')) + (start + MAX_LINE_LENGTH < line.length ? '…' : '')
  const where = `${toVisible(place.file)}:${place.line}:${place.column}`
  return `${where}: ${toVisibleLines(finding.message)}\n${before}${after}\n${' '.repeat(columnsOf(before))}^`
}

const WIDE =
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u
const WIDTHLESS = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Columns that a text takes on a terminal: two for wide characters, none for marks that sit on others. */
function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += WIDTHLESS.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return columns
}
