/**
 * Where the data of a file really ends. A header can promise what the file does not hold: a Matroska, FLAC, MP3 or faststart MP4 file
 * that was cut in half still states its whole length. Reading the packets near the stated end tells the truth, and costs a seek.
 *
 * Measured with ffprobe 5.1: a seek past the data of a cut Matroska, MPEG-TS, FLAC, MP3, Ogg or AVI file lands on its last packets;
 * of a cut faststart MP4 or WAV it gives nothing, and `allPacketsArguments` is then the way to the end (demuxing only).
 */

import type { MediaInfo } from '../model/media.ts'
import { selectPlayable } from './playable.ts'
import { toFfmpegInput } from './probe-arguments.ts'

/** Enough for a packet of each stream, whatever the seek point. */
const WINDOW_SECONDS = 10

/** ffprobe arguments that read the packets near the stated end; all of them where no length is stated. */
export function lastPacketArguments(path: string, info: MediaInfo): readonly string[] {
  if (info.durationSeconds <= WINDOW_SECONDS) return packetArguments(path, [])
  const fromSeconds = (info.startSeconds ?? 0) + info.durationSeconds - WINDOW_SECONDS
  return packetArguments(path, ['-read_intervals', `${fromSeconds.toFixed(3)}%`])
}

/**
 * ffprobe arguments that read every packet of one stream, for when the seek gives nothing: of the first video and the first audio stream.
 * A line of some 40 bytes a packet: a film of two hours makes 7 MB of output.
 */
export function allPacketsArguments(path: string, info: MediaInfo): readonly (readonly string[])[] {
  const streams = (['video', 'audio'] as const).flatMap((kind) => selectPlayable(info).find((stream) => stream.kind === kind) ?? [])
  return streams.map(({ index }) => streamPacketsArguments(path, index))
}

export function streamPacketsArguments(path: string, streamIndex: number): readonly string[] {
  return packetArguments(path, ['-select_streams', String(streamIndex)])
}

/** End of the last packet of picture or sound in seconds from the file's first packet; undefined when there is no packet with a time. */
export function parseLastPackets(stdout: string): number | undefined {
  let startSeconds = 0
  let endSeconds: number | undefined
  for (const line of stdout.split('\n')) {
    const [section, ...fields] = line.trimEnd().split('|')
    if (section === 'format') startSeconds = toNumber(fields[0]) ?? 0
    if (section !== 'packet') continue
    const [kind, ...times] = fields
    // A subtitle may outlast everything that plays.
    if (kind === 'subtitle' || kind === 'data') continue
    const [presented, decoded, duration] = times.map(toNumber)
    // A decoding time is all that AVI has for pictures.
    const time = presented ?? decoded
    if (time !== undefined) endSeconds = Math.max(time + (duration ?? 0), endSeconds ?? Number.NEGATIVE_INFINITY)
  }
  return endSeconds === undefined ? undefined : endSeconds - startSeconds
}

/** Values without their names: ffprobe prints these fields in this order whatever the order they are asked in. */
function packetArguments(path: string, selection: readonly string[]): readonly string[] {
  const entries = 'packet=codec_type,pts_time,dts_time,duration_time:format=start_time'
  return ['-v', 'error', '-of', 'compact=nk=1', ...selection, '-show_entries', entries, '-i', toFfmpegInput(path)]
}

function toNumber(text: string | undefined): number | undefined {
  const number = Number(text)
  return text === undefined || text === '' || !Number.isFinite(number) ? undefined : number
}
