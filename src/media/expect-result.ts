/**
 * What a result must hold at least, told from its source and the ffmpeg arguments. The rule throughout: never demand what a right result
 * can lack. A doubt makes the demand smaller; a result refused for nothing is work thrown away, and the other checks still stand.
 */

import type { MediaInfo, MediaStream, ResultExpectation } from '../model/media.ts'
import type { EncodeArguments } from '../model/plan.ts'
import { lengthTolerance } from './length-tolerance.ts'
import { selectPlayable } from './playable.ts'
import { selectMappedStreams } from './select-mapped-streams.ts'

type CountedKind = 'video' | 'audio' | 'subtitle'

/** Options after which the result may be shorter or longer than its source. */
const LENGTH_OPTIONS =
  /^-(?:t|to|ss|sseof|shortest|fs|i|itsscale|itsoffset|stream_loop|loop|copyts|output_ts_offset|frames|[vad]frames|skip_frame|discard|framerate)(?::.*)?$/
const FILTER_OPTIONS = /^-(?:vf|af|filter|filter_complex|lavfi|filter_script|filter_complex_script|\/filter\w*)(?::.*)?$/
const LENGTH_FILTERS =
  /\b(?:a?setpts|atempo|rubberband|a?trim|a?select|[at]pad|apad|a?loop|concat|xfade|acrossfade|overlay|a?mix|amerge|mpdecimate|decimate|silenceremove|adelay|framestep|shuffleframes|areverse|reverse|movie|amovie|asetrate|zoompan|tmix|thumbnail|stop)\b/
const COMPLEX_FILTER_OPTIONS = /^-(?:filter_complex|lavfi|filter_complex_script)$/

/** Containers, by extension or `-f` name, into which ffmpeg puts a video and an audio stream unasked. */
const VIDEO_CONTAINERS: ReadonlySet<string> = new Set(
  'mkv mk3d matroska mp4 m4v mov webm avi ts m2ts mts mpegts mpg mpeg vob flv wmv asf ogv 3gp 3g2 f4v nut mxf'.split(' '),
)
/** Containers into which it puts an audio stream; a video stream is left out, or becomes a picture. */
const AUDIO_CONTAINERS: ReadonlySet<string> = new Set(
  'mp3 flac wav w64 aac adts ac3 eac3 dts m4a m4b ipod opus oga ogg spx mka wma aiff aif caf mp2 tta wv amr'.split(' '),
)

/**
 * @param extension of the result (`.mkv`): tells, where the arguments name no container, which streams ffmpeg takes by itself.
 *   Left out, a container for video is taken for granted.
 */
export function expectResult(source: MediaInfo, args: EncodeArguments, extension?: string): ResultExpectation {
  const kept = selectKept(source, args, extension)
  return {
    durationSeconds: canChangeLength(args) ? undefined : toLength(source, kept),
    frameSeconds: longestFrameSeconds(source),
    streams: { video: kept.counts.video, audio: kept.counts.audio, subtitle: kept.counts.subtitle },
  }
}

/** Whether nothing of a source that moves gets into the result: only its sound. False where that is not certain. */
export function dropsPicture(source: MediaInfo, args: EncodeArguments, extension: string): boolean {
  const options = [...args.input, ...args.output]
  if (options.some((option) => COMPLEX_FILTER_OPTIONS.test(option))) return false
  if (options.includes('-vn')) return true
  const maps = valuesOf('-map', args.output)
  if (maps.length === 0) return AUDIO_CONTAINERS.has(toContainer(args, extension))
  const mapped = selectMappedStreams(source, maps, args.input.filter((option) => option === '-i').length)
  return mapped.length > 0 && mapped.every(({ kind, isAttachedPicture }) => kind !== 'video' || isAttachedPicture)
}

/**
 * The source as it really is, once its last packets are read: its stated length gives way to where its data ends. To be used when a
 * result seems too short or long, or the source states no length: `expectResult(withMeasuredEnd(source, end), …)`, and judge again.
 */
export function withMeasuredEnd(source: MediaInfo, lastPacketSeconds: number): MediaInfo {
  const streams = source.streams.map(({ durationSeconds, ...stream }) =>
    durationSeconds === undefined || durationSeconds > lastPacketSeconds ? stream : { ...stream, durationSeconds },
  )
  return { ...source, durationSeconds: lastPacketSeconds, streams }
}

/** Of the slowest video stream; a slide show has pictures of many seconds. */
export function longestFrameSeconds({ streams }: MediaInfo): number {
  const rates = streams.filter(({ isAttachedPicture }) => !isAttachedPicture).flatMap(({ fps }) => (fps === undefined ? [] : [fps]))
  return rates.length === 0 ? 0 : 1 / Math.min(...rates)
}

interface Kept {
  readonly counts: Readonly<Record<CountedKind, number>>
  /** Streams of which at least one of each kind is kept; all of them where `isExact`. */
  readonly candidates: readonly MediaStream[]
  readonly isExact: boolean
}

function selectKept(source: MediaInfo, args: EncodeArguments, extension: string | undefined): Kept {
  const options = [...args.input, ...args.output]
  const container = toContainer(args, extension)
  const isVideoContainer = VIDEO_CONTAINERS.has(container)
  const canHold = (kind: CountedKind): boolean => {
    if (options.includes({ video: '-vn', audio: '-an', subtitle: '-sn' }[kind])) return false
    return isVideoContainer || (kind === 'audio' && AUDIO_CONTAINERS.has(container))
  }
  const isCounted = (stream: MediaStream): stream is MediaStream & { kind: CountedKind } =>
    (stream.kind === 'video' || stream.kind === 'audio' || stream.kind === 'subtitle') && !stream.isAttachedPicture && canHold(stream.kind)

  const maps = valuesOf('-map', args.output)
  if (maps.length > 0) {
    const candidates = selectMappedStreams(source, maps, args.input.filter((option) => option === '-i').length).filter(isCounted)
    return { counts: countKinds(candidates), candidates, isExact: true }
  }
  // A complex filter's outputs take the place of what ffmpeg would choose by itself.
  const candidates = options.some((option) => COMPLEX_FILTER_OPTIONS.test(option)) ? [] : source.streams.filter(isCounted)
  const all = countKinds(candidates)
  // Without maps: the best video and the best audio stream. A subtitle only where the container's default codec is of its sort.
  return { counts: { video: Math.min(1, all.video), audio: Math.min(1, all.audio), subtitle: 0 }, candidates, isExact: false }
}

function toContainer(args: EncodeArguments, extension: string | undefined): string {
  return valuesOf('-f', args.output).at(-1) ?? extension?.replace(/^\./, '').toLowerCase() ?? 'mkv'
}

/** Length of the streams that are kept; undefined where it depends on which ones, or on streams of unknown length. */
function toLength(source: MediaInfo, kept: Kept): number | undefined {
  if (source.durationSeconds <= 0) return undefined
  const playable = kept.candidates.filter((stream) => stream.kind !== 'subtitle')
  if (playable.length === 0) return undefined
  const isEverythingKept = playable.length === selectPlayable(source).length && (kept.isExact || onePerKind(playable))
  const range = kept.isExact ? exactLength(playable) : lengthRange(playable)
  if (range === undefined) return isEverythingKept ? source.durationSeconds : undefined
  const tolerance = lengthTolerance(source.durationSeconds)
  if (range.most - range.least > tolerance) return undefined
  // Subtitles, data and rounding make a file a little longer than what plays in it.
  return Math.abs(source.durationSeconds - range.most) <= tolerance ? source.durationSeconds : range.most
}

interface LengthRange {
  readonly least: number
  readonly most: number
}

function exactLength(streams: readonly MediaStream[]): LengthRange | undefined {
  const seconds = streams.map((stream) => stream.durationSeconds)
  if (!seconds.every((value) => value !== undefined)) return undefined
  const longest = Math.max(...seconds)
  return { least: longest, most: longest }
}

function lengthRange(streams: readonly MediaStream[]): LengthRange | undefined {
  const kinds = [...new Set(streams.map((stream) => stream.kind))].map((kind) =>
    streams.filter((stream) => stream.kind === kind).map((stream) => stream.durationSeconds),
  )
  const known = kinds.map((seconds) => (seconds.every((value) => value !== undefined) ? seconds : undefined))
  if (!known.every((seconds) => seconds !== undefined)) return undefined
  return {
    least: Math.max(...known.map((seconds) => Math.min(...seconds))),
    most: Math.max(...known.map((seconds) => Math.max(...seconds))),
  }
}

function onePerKind(streams: readonly MediaStream[]): boolean {
  return new Set(streams.map((stream) => stream.kind)).size === streams.length
}

function canChangeLength(args: EncodeArguments): boolean {
  // As an input option a frame rate gives the pictures new times; as an output option it repeats or drops some.
  if (args.input.some((option) => /^-r(?::.*)?$/.test(option))) return true
  return [args.input, args.output].some((options) =>
    options.some(
      (option, at) =>
        LENGTH_OPTIONS.test(option) ||
        (FILTER_OPTIONS.test(option) && (/script|\//.test(option) || LENGTH_FILTERS.test(options[at + 1] ?? ''))),
    ),
  )
}

function valuesOf(name: string, options: readonly string[]): readonly string[] {
  return options.filter((_, at) => at > 0 && options[at - 1] === name)
}

function countKinds(streams: readonly MediaStream[]): Readonly<Record<CountedKind, number>> {
  const count = (kind: CountedKind) => streams.filter((stream) => stream.kind === kind).length
  return { video: count('video'), audio: count('audio'), subtitle: count('subtitle') }
}
