/**
 * Is a result whole? ffmpeg's exit status 0 is no proof, and a header is a promise: size, streams, length and last packets are held
 * against what the source and the arguments make necessary.
 *
 * Where the source states no length, or something seems amiss, the source itself may lie: its end is read, too, and the result judged
 * once more with `expectResult(withMeasuredEnd(source, sourceEnd), args, extension)`. What that says holds.
 */

import { formatBytes } from '../core/units.ts'
import type { MediaInfo, ResultExpectation } from '../model/media.ts'
import { lengthTolerance } from './length-tolerance.ts'
import { selectPlayable } from './playable.ts'

export interface ResultFacts {
  readonly expectation: ResultExpectation
  /** What ffprobe says of the result; undefined where it cannot read it. */
  readonly result: MediaInfo | undefined
  /** As `parseLastPackets` gives it; undefined where no packet was found. */
  readonly lastPacketSeconds: number | undefined
  /** Size on the host that made it; undefined where there is nothing to compare with. */
  readonly expectedSizeBytes: number | undefined
}

/** Streams without a table of contents: ffprobe guesses their length from the bit rate, so their packets alone tell it. */
const GUESSES_LENGTH: ReadonlySet<string> = new Set(['aac', 'ac3', 'eac3', 'dts', 'mpeg', 'mpegvideo', 'h264', 'hevc', 'm4v', 'obu'])
/** Here the header of a subtitle stream may be lost (ffprobe finds none before its first packet, or calls it data). */
const MAY_HIDE_SUBTITLES: ReadonlySet<string> = new Set(['mpegts', 'mpeg', 'avi'])
/** A stream of pictures and nothing else. */
const WITHOUT_TIMES: ReadonlySet<string> = new Set(['h264', 'hevc', 'm4v', 'obu', 'mpegvideo'])
/** No place for a video stream that is more than a picture. */
const AUDIO_ONLY: ReadonlySet<string> = new Set('mp3 flac wav w64 aac ac3 eac3 dts aiff caf tta wv amr'.split(' '))

/** Reasons why the result is not whole, each a clause for a person; none when it is. */
export function judgeResult({ expectation, result, lastPacketSeconds, expectedSizeBytes }: ResultFacts): readonly string[] {
  if (result?.sizeBytes === 0 || expectedSizeBytes === 0) return ['it is empty']
  if (result === undefined) return ['ffprobe cannot read it']
  return [
    ...judgeSize(result, expectedSizeBytes),
    ...judgeStreams(result, expectation),
    ...judgeLength(result, expectation, lastPacketSeconds),
    ...judgeEnd(result, expectation, lastPacketSeconds),
  ]
}

function judgeSize(result: MediaInfo, expectedSizeBytes: number | undefined): readonly string[] {
  if (expectedSizeBytes === undefined || expectedSizeBytes === result.sizeBytes) return []
  return [`it has ${describeSizes(result.sizeBytes, expectedSizeBytes)} that were written`]
}

function judgeStreams(result: MediaInfo, expectation: ResultExpectation): readonly string[] {
  const reasons: string[] = []
  for (const kind of ['video', 'audio', 'subtitle'] as const) {
    if (kind === 'subtitle' && MAY_HIDE_SUBTITLES.has(result.container)) continue
    if (kind === 'video' && AUDIO_ONLY.has(result.container)) continue
    const wanted = expectation.streams[kind]
    const found = result.streams.filter((stream) => stream.kind === kind && !stream.isAttachedPicture).length
    if (found < wanted) reasons.push(`it has ${found} of ${wanted} ${kind} stream${wanted === 1 ? '' : 's'}`)
  }
  return reasons
}

function judgeLength(
  result: MediaInfo,
  { durationSeconds: wanted, frameSeconds = 0 }: ResultExpectation,
  lastPacketSeconds: number | undefined,
): readonly string[] {
  if (wanted === undefined) return []
  const stated = result.durationSeconds > 0 && !GUESSES_LENGTH.has(result.container) ? result.durationSeconds : undefined
  const found = stated ?? lastPacketSeconds ?? result.durationSeconds
  const tolerance = lengthTolerance(wanted) + frameSeconds
  // Bare pictures have no times; how many there are is for the frames to tell.
  if (stated === undefined && lastPacketSeconds === undefined && WITHOUT_TIMES.has(result.container)) return []
  const fits = [found, lastPacketSeconds].some((seconds) => seconds !== undefined && Math.abs(seconds - wanted) <= tolerance)
  return fits ? [] : [`it is ${describeSeconds(found)} long, not ${describeSeconds(wanted)}`]
}

function judgeEnd(result: MediaInfo, { frameSeconds = 0 }: ResultExpectation, lastPacketSeconds: number | undefined): readonly string[] {
  if (lastPacketSeconds === undefined && WITHOUT_TIMES.has(result.container)) return []
  if (lastPacketSeconds === undefined) return ['its last packets cannot be read']
  if (GUESSES_LENGTH.has(result.container)) return []
  const stated = toStatedEnd(result)
  if (lastPacketSeconds >= stated - lengthTolerance(stated) - frameSeconds) return []
  return [`its data ends at ${describeSeconds(lastPacketSeconds)}, but its header promises ${describeSeconds(stated)}`]
}

/** What plays counts: a subtitle that stays on, or a chapter, may outlast every packet. */
function toStatedEnd(media: MediaInfo): number {
  const { durationSeconds } = media
  const playable = selectPlayable(media)
  const lengths = playable.map((stream) => stream.durationSeconds)
  if (playable.length === 0 || !lengths.every((seconds) => seconds !== undefined)) return durationSeconds
  // What begins late may have its end stated where its length should be.
  const longest = Math.max(...lengths)
  return durationSeconds > 0 ? Math.min(longest, durationSeconds) : longest
}

function describeSeconds(seconds: number): string {
  return `${seconds.toFixed(seconds < 100 ? 2 : 1)} s`
}

/** Bytes in full where the rounded forms would look the same. */
function describeSizes(found: number, wanted: number): string {
  const [short, long] = [formatBytes(found), formatBytes(wanted)]
  return short === long ? `${found} bytes of the ${wanted} bytes` : `${short} of the ${long}`
}
