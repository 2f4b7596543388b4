/**
 * Draws frames over one another at the end of a terminal's text, rewriting only the lines that changed.
 *
 * Sequences: xterm control sequences (CUU, EL, ED, DECAWM, DECTCEM) and mode 2026, synchronized output, which terminals
 * that do not know it ignore. Automatic wrapping is off while a frame is written: a character whose width the terminal sees
 * differently than we do can then never push the frame out of step.
 *
 * Between two frames the cursor stands at the beginning of the line below, where the shell's prompt is to come. A process that just
 * exits then moves nothing: frames are written by another thread, and one that is under way may reach the terminal before or
 * after what puts it right.
 */

import { measureText } from './fit-text.ts'

export interface ScreenWriter {
  /** The text that brings the screen from the last frame to this one; empty when nothing changed. */
  draw(lines: readonly string[], columns: number, rows: number): string
  /** The text that takes the frame off the screen; the cursor is where the frame began. */
  erase(columns: number, rows: number): string
}

/** Puts a terminal right whatever was drawn: wrapping on, cursor shown, no update pending. */
export const RESTORE_TERMINAL = '\u001b[?2026l\u001b[?7h\u001b[?25h'

const BEGIN = '\u001b[?2026h\u001b[?7l'
const END = '\u001b[?7h\u001b[?2026l'
const ERASE_LINE_END = '\u001b[K'
const ERASE_BELOW = '\u001b[J'

/** Leaves the frame where it is, for a process that just exits; what was typed below it (`^C`) goes. A last frame may still follow. */
export const LEAVE_PICTURE = `\r${ERASE_LINE_END}${RESTORE_TERMINAL}`

export function createScreenWriter(): ScreenWriter {
  let shown: readonly string[] = []
  let shownColumns = 0
  let shownRows = 0
  /** Lines from the last of the frame to the cursor: none where the frame fills the screen, which would scroll. */
  let linesBelow = 0

  /** Terminals re-wrap lines that a narrower window cannot hold. */
  function toTop(columns: number, rows: number): string {
    const isNarrower = columns < shownColumns
    const height = shown.reduce((sum, line) => sum + (isNarrower ? Math.max(1, Math.ceil(measureText(line) / Math.max(1, columns))) : 1), 0)
    return `\r${up(Math.min(height + linesBelow, rows) - 1)}`
  }

  return {
    draw(lines, columns, rows) {
      const isResized = columns !== shownColumns || rows !== shownRows
      if (!isResized && lines.length === shown.length && lines.every((line, index) => line === shown[index])) return ''
      const text = isResized || lines.length < shown.length || shown.length === 0 ? drawWhole(lines) : drawChanges(lines)
      const start = shown.length === 0 ? '' : toTop(columns, rows)
      shown = lines
      shownColumns = columns
      shownRows = rows
      linesBelow = lines.length < rows ? 1 : 0
      // What was typed meanwhile stands below the frame.
      const below = linesBelow === 0 ? '' : `\r\n${ERASE_BELOW}`
      return `${BEGIN}${start}${text}${below}${END}`
    },
    erase(columns, rows) {
      if (shown.length === 0) return ''
      const text = `${toTop(columns, rows)}${ERASE_BELOW}`
      shown = []
      return text
    },
  }

  function drawWhole(lines: readonly string[]): string {
    return `${ERASE_BELOW}${lines.join('\r\n')}`
  }

  function drawChanges(lines: readonly string[]): string {
    return lines.map((line, index) => (line === shown[index] ? '' : `${line}${ERASE_LINE_END}`)).join('\r\n')
  }
}

function up(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A` : ''
}
