/** ffprobe's JSON → MediaInfo. Fields as in ffprobe.xsd, the same from ffmpeg 4 to 7; any of them may be missing. */

import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import type { MediaInfo, MediaStream, StreamKind } from '../model/media.ts'
import { type JsonObject, parseJsonObject, toFraction, toNumber, toObject, toObjects, toText, withoutUndefined } from './json-object.ts'
import { parseSideData } from './parse-side-data.ts'

/** A frame rate at or above this is the tick of a time base (FLV, WebM: 1000/1), not a number of pictures. */
const LEAST_TICK_FPS = 1000

/**
 * What ffmpeg reads by opening other files, whatever the name says. As a source it brings in what nobody named; as a result that a host
 * sent it looks like a whole film for as long as the source is there that it points to.
 */
const PLAYLISTS: ReadonlySet<string> = new Set([
  'hls',
  'applehttp',
  'dash',
  'webm_dash_manifest',
  'concat',
  'concatf',
  'imf',
  'sdp',
  'rtsp',
])

/** What ffmpeg draws letter by letter: a letter, the notes beside a film (`.txt`, `.nfo`). As a film it would be lost. */
const TEXTS: ReadonlySet<string> = new Set(['tty', 'bin', 'xbin', 'adf', 'idf'])

/** Of 100: a few bytes look like a format that has no beginning to be known by. Raw MPEG-4 was seen in a table of translations with 5. */
const MOST_GUESSED = 5

/** Containers whose header counts the length from 0, not from the first packet. */
const COUNTS_FROM_ZERO = /\b(?:mov|matroska)\b/

/** What ffprobe does not say of a file. */
export interface ProbedFile {
  readonly path: string
  readonly sizeBytes: number
  readonly mtimeMs: number
}

/** @throws EncodeError SOURCE_UNREADABLE when `json` is none, or holds no stream, or the file is text or a playlist. */
export function parseProbe(json: string, file: ProbedFile): MediaInfo {
  return toMediaInfo(parseJsonObject(json), file)
}

/** The same of an answer that was read already; undefined for one that is no JSON. */
export function toMediaInfo(root: JsonObject | undefined, file: ProbedFile): MediaInfo {
  const streams = toObjects(root?.streams).map(toStream)
  if (root === undefined || streams.length === 0) {
    throw new EncodeError('SOURCE_UNREADABLE', `"${toVisible(file.path)}" holds no audio or video that ffprobe can read`, {
      hint: `Check the file with "ffprobe ${toVisible(file.path)}"`,
    })
  }
  const format = toObject(root.format)
  const container = toText(format.format_name) ?? 'unknown'
  if (TEXTS.has(container) || (toNumber(format.probe_score) ?? 100) <= MOST_GUESSED) {
    const what = TEXTS.has(container) ? 'is text' : `is no film: ffprobe only guesses that it may be "${container}"`
    throw new EncodeError('SOURCE_UNREADABLE', `"${toVisible(file.path)}" ${what}`)
  }
  if (container.split(',').some((name) => PLAYLISTS.has(name))) {
    throw new EncodeError('SOURCE_UNREADABLE', `"${toVisible(file.path)}" is a playlist (${container}): what it shows is in other files`, {
      hint: 'Name the files that hold the media',
    })
  }
  const startSeconds = toNumber(format.start_time) ?? 0
  return {
    path: file.path,
    sizeBytes: file.sizeBytes,
    mtimeMs: file.mtimeMs,
    container,
    durationSeconds: toLength(format, streams, COUNTS_FROM_ZERO.test(container) ? startSeconds : 0),
    ...(startSeconds === 0 ? {} : { startSeconds }),
    streams,
  }
}

function toLength(format: JsonObject, streams: readonly MediaStream[], startSeconds: number): number {
  const stated = toDuration(format.duration)
  if (stated !== undefined) return startSeconds > 0 && startSeconds < stated ? stated - startSeconds : stated
  return Math.max(durationTag(toObject(format.tags)) ?? 0, ...streams.map((stream) => stream.durationSeconds ?? 0))
}

function toStream(stream: JsonObject): MediaStream {
  const disposition = toObject(stream.disposition)
  const tags = toObject(stream.tags)
  const kind = toKind(stream.codec_type)
  const optional = {
    width: toCount(stream.width),
    height: toCount(stream.height),
    fps: kind === 'video' ? toFps(stream) : undefined,
    pixelFormat: toText(stream.pix_fmt),
    colorPrimaries: toColor(stream.color_primaries),
    colorTransfer: toColor(stream.color_transfer),
    colorSpace: toColor(stream.color_space),
    channels: toCount(stream.channels),
    durationSeconds: toDuration(stream.duration) ?? durationTag(tags),
    fileName: findTag(tags, (name) => name === 'filename')?.[1],
    mimeType: findTag(tags, (name) => name === 'mimetype')?.[1],
  }
  return {
    index: toNumber(stream.index) ?? 0,
    kind,
    codec: toText(stream.codec_name) ?? 'unknown',
    language: toLanguage(tags),
    isDefault: disposition.default === 1,
    isAttachedPicture: kind === 'video' && (disposition.attached_pic === 1 || disposition.timed_thumbnails === 1),
    ...(kind === 'video' && toCount(stream.nb_frames) === 1 ? { isStill: true } : {}),
    ...withoutUndefined(optional),
    ...(kind === 'video' ? parseSideData(stream.side_data_list) : {}),
  }
}

function toKind(codecType: unknown): StreamKind {
  switch (codecType) {
    case 'video':
    case 'audio':
    case 'subtitle':
    case 'attachment':
      return codecType
    default:
      return 'data'
  }
}

function toColor(value: unknown): string | undefined {
  const color = toText(value)
  return color === 'unknown' || color === 'unspecified' || color === 'reserved' ? undefined : color
}

function toFps(stream: JsonObject): number | undefined {
  const exact = toRatio(stream.r_frame_rate)
  const average = toRatio(stream.avg_frame_rate)
  return exact === undefined || (exact >= LEAST_TICK_FPS && average !== undefined) ? average : exact
}

function toRatio(value: unknown): number | undefined {
  const ratio = toFraction(value)
  return ratio !== undefined && ratio > 0 ? ratio : undefined
}

/** Some Matroska writers give no language but name it in a statistics tag: `DURATION-eng`. */
function toLanguage(tags: JsonObject): string {
  const named = findTag(tags, (name) => name === 'language')?.[1]
  if (named !== undefined) return named
  const statistics = findTag(tags, (name) => /^duration-./.test(name))?.[0]
  return statistics?.slice('DURATION-'.length) ?? 'und'
}

function durationTag(tags: JsonObject): number | undefined {
  return toDuration(findTag(tags, (name) => name === 'duration' || name.startsWith('duration-'))?.[1])
}

function findTag(tags: JsonObject, isWanted: (lowerCaseName: string) => boolean): readonly [string, string] | undefined {
  for (const [name, value] of Object.entries(tags)) {
    const text = toText(value)?.trim()
    if (text !== undefined && text !== '' && isWanted(name.toLowerCase())) return [name, text]
  }
  return undefined
}

/** Seconds as a number, or `HH:MM:SS.fraction`; undefined for `N/A`, nothing and zero. */
function toDuration(value: unknown): number | undefined {
  const clock = typeof value === 'string' ? /^(\d+):(\d\d?):(\d\d?(?:\.\d*)?)$/.exec(value.trim()) : null
  const seconds = clock === null ? toNumber(value) : Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3])
  return seconds !== undefined && seconds > 0 ? seconds : undefined
}

function toCount(value: unknown): number | undefined {
  const number = toNumber(value)
  return number !== undefined && number > 0 ? number : undefined
}
