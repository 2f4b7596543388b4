/**
 * Where the data of a file really ends. A header can promise what the file does not hold: a Matroska, FLAC, MP3 or faststart MP4 file
 * that was cut in half still states its whole length. Reading the packets near the stated end tells the truth, and costs a seek.
 *
 * Measured with ffprobe 5.1: a seek past the data of a cut Matroska, MPEG-TS, FLAC, MP3, Ogg or AVI file lands on its last packets;
 * of a cut faststart MP4 or WAV it gives nothing, and `allPacketsArguments` is then the way to the end (demuxing only).
 */

import { createLineSplitter } from '../core/lines.ts'
import type { MediaInfo } from '../model/media.ts'
import { toFfmpegInput } from './probe-arguments.ts'

/** Enough for a packet of each stream, whatever the seek point. */
const WINDOW_SECONDS = 10

export interface LastPacketsParser {
  push(chunk: Uint8Array): void
  /** As `parseLastPackets`. Call once, at the end of the output. */
  end(): number | undefined
}

/** ffprobe arguments that read the packets near the stated end; all of them where no length is stated. */
export function lastPacketArguments(path: string, info: MediaInfo): readonly string[] {
  if (info.durationSeconds <= WINDOW_SECONDS) return packetArguments(path, [])
  const fromSeconds = (info.startSeconds ?? 0) + info.durationSeconds - WINDOW_SECONDS
  return packetArguments(path, ['-read_intervals', `${fromSeconds.toFixed(3)}%`])
}

/**
 * ffprobe arguments that read every packet of one stream, for when the seek gives nothing: the first video, else the first audio stream.
 * The output may be many megabytes (a line a packet), so take it in pieces with `createLastPacketsParser`.
 */
export function allPacketsArguments(path: string, info: MediaInfo): readonly string[] {
  const video = info.streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture)
  const stream = video ?? info.streams.find((candidate) => candidate.kind === 'audio')
  return packetArguments(path, stream === undefined ? [] : ['-select_streams', String(stream.index)])
}

/** End of the last packet in seconds from the file's first packet; undefined when there is no packet with a time. */
export function parseLastPackets(stdout: string): number | undefined {
  const parser = createLastPacketsParser()
  parser.push(Buffer.from(stdout))
  return parser.end()
}

/** `parseLastPackets` for output that comes in pieces. */
export function createLastPacketsParser(): LastPacketsParser {
  let startSeconds = 0
  let endSeconds: number | undefined
  const lines = createLineSplitter((line) => {
    const fields = toFields(line)
    if (line.startsWith('format|')) startSeconds = toNumber(fields.get('start_time')) ?? 0
    if (!line.startsWith('packet|')) return
    // A decoding time is all that AVI has for pictures.
    const time = toNumber(fields.get('pts_time')) ?? toNumber(fields.get('dts_time'))
    if (time === undefined) return
    const end = time + (toNumber(fields.get('duration_time')) ?? 0)
    endSeconds = Math.max(end, endSeconds ?? end)
  })
  return {
    push: lines.push,
    end() {
      lines.end()
      return endSeconds === undefined ? undefined : endSeconds - startSeconds
    },
  }
}

function packetArguments(path: string, selection: readonly string[]): readonly string[] {
  const entries = 'packet=pts_time,dts_time,duration_time:format=start_time'
  return ['-v', 'error', '-of', 'compact', ...selection, '-show_entries', entries, '-i', toFfmpegInput(path)]
}

function toFields(line: string): ReadonlyMap<string, string> {
  return new Map(
    line
      .split('|')
      .slice(1)
      .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  )
}

function toNumber(text: string | undefined): number | undefined {
  const number = Number(text)
  return text === undefined || text === '' || !Number.isFinite(number) ? undefined : number
}
