/**
 * A queue file's bytes ↔ its lines. Lines are kept as bytes with the line end they have, so that what is not taken out of the file
 * stays as it is: comments, blank lines, CRLF, a last line without its end, names in no known encoding.
 */

import { lstat } from 'node:fs/promises'
import { resolve } from 'node:path'

/** One line that names something to encode. */
export type QueueEntry = QueuedPath | RefusedLine

export interface QueuedPath {
  readonly kind: 'path'
  /** Absolute. */
  readonly path: string
  /** Counts from 1. */
  readonly lineNumber: number
  /** The line's bytes without its end: what `remove` looks for. */
  readonly line: Buffer
}

/** A line that can be no path; it stays in the file. */
export interface RefusedLine {
  readonly kind: 'refused'
  /** Made readable, for a message. */
  readonly path: string
  readonly reason: string
  readonly lineNumber: number
  readonly line: Buffer
}

export interface QueueLine {
  /** Without its end. */
  readonly text: Buffer
  /** With its end; all lines' bytes together are the file. */
  readonly whole: Buffer
  /** False for what follows the last line feed. */
  readonly isTerminated: boolean
}

const LF = 0x0a
const CR = 0x0d
const HASH = 0x23
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, CR, 0x0b, 0x0c])
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export function splitQueueLines(content: Buffer): readonly QueueLine[] {
  const lines: QueueLine[] = []
  for (let start = 0; start < content.length; ) {
    const feed = content.indexOf(LF, start)
    const end = feed === -1 ? content.length : feed + 1
    lines.push(toLine(content.subarray(start, end), start === 0, feed !== -1))
    start = end
  }
  return lines
}

/** Blank lines and those that begin with `#` name nothing. */
export function namesSomething({ text }: QueueLine): boolean {
  const first = text.find((byte) => !BLANKS.has(byte))
  return first !== undefined && first !== HASH
}

/** Bytes as text, one character a byte, so that equal keys are equal bytes. */
export function keyOf(line: Buffer): string {
  return line.toString('latin1')
}

/** @param cwd is what relative paths are relative to. */
export async function toQueueEntry({ text }: QueueLine, lineNumber: number, cwd: string): Promise<QueueEntry> {
  // A copy: the line must not keep the whole file in memory.
  const line = Buffer.from(text)
  const name = line.toString('utf8')
  if (!Buffer.from(name, 'utf8').equals(line)) return refuse(name, 'Its name is not valid UTF-8 and cannot be carried to ffmpeg; rename it')
  if (name.includes('\0')) return refuse(name, 'It holds a NUL byte, which no file name can')
  return { kind: 'path', path: await findPath(name, cwd), lineNumber, line }

  function refuse(path: string, reason: string): RefusedLine {
    return { kind: 'refused', path, reason, lineNumber, line }
  }
}

function toLine(whole: Buffer, isFirst: boolean, isTerminated: boolean): QueueLine {
  const start = isFirst && whole.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
  const feed = isTerminated ? whole.length - 1 : whole.length
  const end = feed > start && whole[feed - 1] === CR ? feed - 1 : feed
  return { text: whole.subarray(start, end), whole, isTerminated }
}

/** A name may really begin or end with a space: the exact one wins where it exists. pytranscoder takes spaces off the end. */
async function findPath(name: string, cwd: string): Promise<string> {
  const withoutEnd = name.trimEnd()
  for (const candidate of new Set([name, withoutEnd, name.trim()])) {
    const path = resolve(cwd, candidate)
    if (candidate === withoutEnd && candidate === name.trim()) return path
    if (await exists(path)) return path
  }
  return resolve(cwd, withoutEnd)
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}
