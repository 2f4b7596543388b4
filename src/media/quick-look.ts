/**
 * One look of ffprobe at both ends of a file: what it says it holds, which packets stand at its beginning and its end, and which of
 * them become pictures and sound. Costs little more than the header alone, whatever the length of the file.
 *
 * Measured with ffprobe 5.1: a packet whose bytes are spoilt gives no frame (H.264, HEVC, VP9, AV1, MPEG-4, AAC, MP3, FLAC), a healthy
 * one gives a frame of its own time. The exceptions are told in `judge-frames.ts`. What ffprobe writes to standard error is not heard:
 * after a seek into the middle of something, healthy files complain as well.
 */

import type { MediaInfo, StreamKind } from '../model/media.ts'
import { parseJsonObject, toNumber, toObjects, toText } from './json-object.ts'
import { type ProbedFile, toMediaInfo } from './parse-probe.ts'
import { toFfmpegInput } from './probe-arguments.ts'

/** Packets at the beginning, of all streams together: some of each stream, whatever their number. */
const FIRST_PACKETS = 64
/** A seek comes to the last key frame before this much of the end. */
const NEAR_END_SECONDS = 3
/** Bounds the work where the end is not where it was thought to be. */
const MOST_LAST_PACKETS = 8_000

export interface StreamEnds {
  readonly index: number
  readonly kind: StreamKind
  readonly codec: string
  /** Of the first and the last packets, in their order in the file. */
  readonly first: readonly PacketTime[]
  readonly last: readonly PacketTime[]
  /** The file is so short that all its packets are among the last; the first ones are some of them. */
  readonly isSeenWhole: boolean
  /** Times of frames that were decoded, in microseconds. Frames whose time nobody knows count in `decoded` alone. */
  readonly frames: ReadonlySet<number>
  readonly decoded: number
  /** Where its last packet ends; undefined where none was near the end of the file. */
  readonly endSeconds: number | undefined
  /** Fields of a picture may be packets of their own; pictures that are never shown (VP8) are some, too. */
  readonly hasHiddenPackets: boolean
  readonly width: number | undefined
  readonly height: number | undefined
}

export interface PacketTime {
  /** Microseconds; undefined where the container has no times (AVI has decoding times only). */
  readonly time: number | undefined
  readonly isKey: boolean
}

export interface QuickLook {
  readonly media: MediaInfo
  readonly streams: readonly StreamEnds[]
  /** End of the last packet of picture or sound that was seen, from the file's first packet; undefined where none was seen. */
  readonly endSeconds: number | undefined
}

export interface LookRange {
  /** Where the file should end, in its own time; undefined: nobody knows, the beginning is all that is looked at. */
  readonly nearSeconds: number | undefined
  /** Before that. */
  readonly windowSeconds?: number | undefined
}

export function quickLookArguments(path: string, range: LookRange): readonly string[] {
  const { nearSeconds, windowSeconds = NEAR_END_SECONDS } = range
  const first = `%+#${FIRST_PACKETS}`
  const last = `${Math.max(0, (nearSeconds ?? 0) - windowSeconds).toFixed(3)}%+#${MOST_LAST_PACKETS}`
  const intervals = nearSeconds === undefined ? first : isWhole(range) ? `%+#${MOST_LAST_PACKETS}` : `${first},${last}`
  const entries =
    'packet=codec_type,stream_index,pts_time,dts_time,duration_time,flags:frame=media_type,stream_index,key_frame,pts_time,width,height'
  return [
    ...['-v', 'error', '-of', 'json=c=1', '-show_format', '-show_streams', '-show_packets', '-show_frames', '-show_entries', entries],
    ...['-read_intervals', intervals, '-i', toFfmpegInput(path)],
  ]
}

/**
 * @param range as it was asked for.
 * @throws EncodeError SOURCE_UNREADABLE as parseProbe does.
 */
export function parseQuickLook(json: string, file: ProbedFile, range: LookRange): QuickLook {
  const root = parseJsonObject(json) ?? {}
  const media = toMediaInfo(root, file)
  const raw = toObjects(root.streams)
  const entries = toObjects(root.packets_and_frames)
  const packets = entries.filter(({ type }) => type === 'packet')
  const frames = entries.filter(({ type }) => type === 'frame')
  // Where the beginning was all there is, it is the end, too.
  const isSeenWhole = isWhole(range) || packets.length <= FIRST_PACKETS
  const last = isSeenWhole ? packets : packets.slice(FIRST_PACKETS)
  const startSeconds = media.startSeconds ?? 0
  const toEnd = (some: readonly Record<string, unknown>[]): number | undefined => {
    const ends = some.flatMap((packet) => {
      const time = toNumber(packet.pts_time) ?? toNumber(packet.dts_time)
      return time === undefined ? [] : [time + (toNumber(packet.duration_time) ?? 0) - startSeconds]
    })
    return ends.length === 0 ? undefined : ends.reduce((a, b) => Math.max(a, b))
  }
  const streams = media.streams.map((stream): StreamEnds => {
    const isOfStream = (entry: Record<string, unknown>) => entry.stream_index === stream.index
    const own = frames.filter(isOfStream)
    const fieldOrder = toText(raw.find(({ index }) => index === stream.index)?.field_order)
    const shown = own.find(({ width }) => width !== undefined)
    return {
      index: stream.index,
      kind: stream.kind,
      codec: stream.codec,
      first: packets.slice(0, FIRST_PACKETS).filter(isOfStream).filter(isPlayed).map(toPacketTime),
      last: last.filter(isOfStream).filter(isPlayed).map(toPacketTime),
      isSeenWhole,
      frames: new Set(own.map(({ pts_time }) => toMicroseconds(pts_time)).filter((time) => time !== undefined)),
      decoded: own.length,
      endSeconds: toEnd(last.filter(isOfStream)),
      hasHiddenPackets: stream.codec === 'vp8' || (fieldOrder !== undefined && !['progressive', 'unknown'].includes(fieldOrder)),
      width: toNumber(shown?.width),
      height: toNumber(shown?.height),
    }
  })
  return { media, streams, endSeconds: toEnd(packets.filter(({ codec_type }) => codec_type === 'video' || codec_type === 'audio')) }
}

/** A file that is no longer than the look at its end is read once. */
function isWhole({ nearSeconds, windowSeconds = NEAR_END_SECONDS }: LookRange): boolean {
  return nearSeconds !== undefined && nearSeconds <= windowSeconds
}

/** What the decoder needs to get going, and players leave out (priming of AAC in MP4). */
function isPlayed({ flags }: Record<string, unknown>): boolean {
  return !(toText(flags) ?? '').includes('D')
}

function toPacketTime(packet: Record<string, unknown>): PacketTime {
  return { time: toMicroseconds(packet.pts_time), isKey: (toText(packet.flags) ?? '').startsWith('K') }
}

function toMicroseconds(seconds: unknown): number | undefined {
  const number = toNumber(seconds)
  return number === undefined ? undefined : Math.round(number * 1_000_000)
}
