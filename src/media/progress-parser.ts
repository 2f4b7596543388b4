/**
 * ffmpeg's `-progress` output → EncodeProgress. It is a block of `key=value` lines a report, closed by `progress=continue` or `progress=end`.
 * https://ffmpeg.org/ffmpeg.html#Main-options; `out_time_ms` holds microseconds as `out_time_us` does (ffmpeg ticket 7345).
 */

import { createLineSplitter } from '../core/lines.ts'
import type { EncodeProgress } from '../model/media.ts'

export interface ProgressParser {
  push(chunk: Uint8Array): void
  end(): void
}

/** What is kept of a report: whoever writes it could name keys without end. */
const KEYS: ReadonlySet<string> = new Set(['frame', 'fps', 'speed', 'total_size', 'out_time_us', 'out_time_ms', 'out_time'])

const START: EncodeProgress = { frame: 0, fps: 0, speed: 0, sizeBytes: 0, outSeconds: 0, isEnd: false }

/** Lines that are no part of a report are passed over; a report that was cut off is not given. */
export function createProgressParser(onProgress: (progress: EncodeProgress) => void): ProgressParser {
  const block = new Map<string, string>()
  let last = START

  return createLineSplitter((line) => {
    const [, key, value] = /^([a-z_0-9]+)=\s*(.*?)\s*$/.exec(line) ?? []
    if (key === undefined || value === undefined) return
    if (key !== 'progress') {
      if (KEYS.has(key)) block.set(key, value)
      return
    }
    last = toProgress(block, last, value === 'end')
    block.clear()
    onProgress(last)
  })
}

/** Time and size that are N/A in one report keep their last value: what is done stays done. */
function toProgress(block: ReadonlyMap<string, string>, last: EncodeProgress, isEnd: boolean): EncodeProgress {
  const outSeconds = toOutSeconds(block) ?? last.outSeconds
  return {
    frame: toNumber(block.get('frame')) ?? last.frame,
    fps: toNumber(block.get('fps')) ?? 0,
    speed: toNumber(block.get('speed')?.replace(/x$/, '')) ?? 0,
    sizeBytes: toNumber(block.get('total_size')) ?? last.sizeBytes,
    outSeconds: Math.max(0, outSeconds),
    isEnd,
  }
}

function toOutSeconds(block: ReadonlyMap<string, string>): number | undefined {
  const microseconds = toNumber(block.get('out_time_us')) ?? toNumber(block.get('out_time_ms'))
  if (microseconds !== undefined) return microseconds / 1_000_000
  const [, sign, hours, minutes, seconds] = /^(-?)(\d+):(\d\d):(\d\d(?:\.\d*)?)$/.exec(block.get('out_time') ?? '') ?? []
  if (seconds === undefined) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
}

function toNumber(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const number = Number(text)
  // No film has so many frames, bytes or microseconds: who says so does not tell the truth.
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : undefined
}
