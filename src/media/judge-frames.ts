/**
 * Do the first and the last pictures and sounds of a file decode? A packet whose bytes are spoilt gives no frame; a healthy one gives a
 * frame of its own time. What healthy files do otherwise (measured, ffmpeg 5.1) is allowed for:
 * - at the end, before the first key frame that was read there is nothing to decode from, nor for pictures that are shown before it
 *   (at the beginning only a copy of something cut can begin so, and its source does then, too);
 * - sound begins or ends with packets of which nothing is heard (priming of Opus, Vorbis, AAC): two of each end;
 * - fields, and hidden pictures of VP8, have no frame of their own time, but one beside it;
 * - AVI and program streams lack times: then frames are counted.
 */

import { selectPlayable } from './playable.ts'
import type { PacketTime, QuickLook, StreamEnds } from './quick-look.ts'

export interface FrameFault {
  readonly kind: 'video' | 'audio'
  readonly codec: string
  /** Not one frame: the reason may be a decoder that this ffprobe lacks. */
  readonly isSilent: boolean
  /** A clause for a person. */
  readonly reason: string
}

/** Packets that are looked at, at each end. */
const LOOKED_AT = 16
const SILENT_AUDIO_PACKETS = 2
/** Where frames can only be counted: pictures that are shown before the first key frame. */
const UNCOUNTED_FRAMES = 4
/** Half of the longest distance between two fields (24 pictures a second), and more than VP8 needs. */
const BESIDE_MICROSECONDS = 60_000

/** None where all is well. */
export function judgeFrames(look: QuickLook): readonly FrameFault[] {
  return selectPlayable(look.media).flatMap(({ index, kind }) => {
    const ends = look.streams.find((stream) => stream.index === index)
    if (ends === undefined) return []
    const reason = findFault(ends, look.media.container)
    return reason === undefined ? [] : [{ kind, codec: ends.codec, isSilent: ends.decoded === 0, reason }]
  })
}

/** Nothing can be said of the end of a stream whose last packets were read from the middle of a group of pictures. */
export function hasUndecidedEnd(look: QuickLook): boolean {
  return selectPlayable(look.media).some(({ index, kind }) => {
    const last = look.streams.find((stream) => stream.index === index)?.last ?? []
    return kind === 'video' && last.length > 0 && !last.some(({ isKey }) => isKey)
  })
}

function findFault(ends: StreamEnds, container: string): string | undefined {
  // A parser that cannot make sense of a first picture does not know it for a key frame.
  const first = ends.first
  const last = fromFirstKey(ends.last)
  if (first.length + last.length === 0) return undefined
  if (ends.decoded === 0) return `no frame of its ${ends.kind} can be decoded`
  if (container === 'mpeg' || [...first, ...last].some(({ time }) => time === undefined)) {
    const packets = ends.isSeenWhole ? ends.last.length : first.length + last.length
    // Of sound, a packet may begin in the one before it that was not read.
    const allowed = ends.kind === 'audio' ? packets / 2 : UNCOUNTED_FRAMES
    return packets - ends.decoded > allowed
      ? `${packets - ends.decoded} of ${packets} frames of its ${ends.kind} cannot be decoded`
      : undefined
  }
  // A packet of WMA holds parts of several frames.
  if (/^wma/.test(ends.codec)) return undefined
  const allowed = ends.kind === 'audio' ? SILENT_AUDIO_PACKETS : 0
  if (countMissing(first.slice(0, LOOKED_AT), ends) > allowed) return `the first frames of its ${ends.kind} cannot be decoded`
  if (countMissing(last.slice(-LOOKED_AT), ends) > allowed) return `the last frames of its ${ends.kind} cannot be decoded`
  return undefined
}

function fromFirstKey(packets: readonly PacketTime[]): readonly PacketTime[] {
  const at = packets.findIndex(({ isKey }) => isKey)
  const keyTime = packets[at]?.time
  if (at === -1) return []
  return packets.slice(at).filter(({ time }) => time === undefined || keyTime === undefined || time >= keyTime)
}

function countMissing(packets: readonly PacketTime[], { frames, hasHiddenPackets }: StreamEnds): number {
  const isShown = ({ time = 0 }: PacketTime): boolean =>
    frames.has(time) || (hasHiddenPackets && [...frames].some((frame) => Math.abs(frame - time) <= BESIDE_MICROSECONDS))
  return packets.filter((packet) => !isShown(packet)).length
}
