/** A screen of a terminal in memory: reads just the control sequences that views write, and refuses any other. */

import { Writable } from 'node:stream'
import stringWidth from 'string-width'

export interface VirtualTerminal {
  readonly stream: Writable & { columns: number; rows: number }
  /** What a person sees, without spaces at the ends of lines and empty lines below. */
  screen(): string
  /** All that was ever written. */
  readonly written: string
  readonly isCursorVisible: boolean
  readonly wraps: boolean
  /** Lines that scrolled off the top. */
  readonly scrolledOff: readonly string[]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of a terminal begin with ESC
const SEQUENCE = /^\u001b\[(\??)([\d;]*)([A-Za-z])/

export function createVirtualTerminal(columns: number, rows: number): VirtualTerminal {
  const lines: string[][] = [[]]
  const scrolledOff: string[] = []
  const segmenter = new Intl.Segmenter()
  let row = 0
  let column = 0
  let written = ''
  let isCursorVisible = true
  let wraps = true

  const stream = Object.assign(
    new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, callback) {
        read(String(chunk))
        callback()
      },
    }),
    { columns, rows },
  )

  function lineAt(index: number): string[] {
    while (lines.length <= index) lines.push([])
    return lines[index] ?? []
  }

  function lineFeed(): void {
    row += 1
    lineAt(row)
    if (lines.length > stream.rows) {
      scrolledOff.push(toText(lines.shift() ?? []))
      row -= 1
    }
  }

  function put(segment: string): void {
    const width = stringWidth(segment)
    const line = lineAt(row)
    if (column + width > stream.columns) {
      if (!wraps) column = stream.columns - width
      else {
        column = 0
        lineFeed()
        put(segment)
        return
      }
    }
    while (line.length < column) line.push(' ')
    line.splice(column, width, segment, ...Array.from({ length: Math.max(0, width - 1) }, () => ''))
    column += width
  }

  function control(isPrivate: boolean, parameters: string, final: string): void {
    const count = Number(parameters || 1)
    if (final === 'A') row = Math.max(0, row - count)
    else if (final === 'K') lineAt(row).splice(column)
    else if (final === 'J') {
      lineAt(row).splice(column)
      lines.splice(row + 1)
    } else if (isPrivate && parameters === '25') isCursorVisible = final === 'h'
    else if (isPrivate && parameters === '7') wraps = final === 'h'
    else if (!(final === 'm' || (isPrivate && parameters === '2026'))) throw new Error(`Unknown sequence "${parameters}${final}"`)
  }

  function read(text: string): void {
    written += text
    let rest = text
    while (rest !== '') {
      const sequence = SEQUENCE.exec(rest)
      if (sequence !== null) {
        control(sequence[1] === '?', sequence[2] ?? '', sequence[3] ?? '')
        rest = rest.slice(sequence[0].length)
        continue
      }
      const code = rest.charCodeAt(0)
      if (code === 10) {
        // As a terminal with ONLCR, which turns a line feed into both.
        column = 0
        lineFeed()
      } else if (code === 13) column = 0
      else if (code < 32 || (code >= 127 && code < 160)) throw new Error(`Control character ${code} reached the terminal`)
      else {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: text ends where control begins
        const plain = /^[^\u0000-\u001f\u007f-\u009f]+/.exec(rest)?.[0] ?? ''
        for (const { segment } of segmenter.segment(plain)) put(segment)
        rest = rest.slice(plain.length)
        continue
      }
      rest = rest.slice(1)
    }
  }

  return {
    stream,
    screen: () => lines.map(toText).join('\n').trimEnd(),
    get written() {
      return written
    },
    get isCursorVisible() {
      return isCursorVisible
    },
    get wraps() {
      return wraps
    },
    scrolledOff,
  }
}

function toText(line: readonly string[]): string {
  return line.join('').trimEnd()
}
