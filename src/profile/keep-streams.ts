/**
 * Stream safety, for shipped profiles, those that include one, and those that ask for it: everything that the result's container can
 * hold is kept, what it cannot hold is converted or left out with a word about it, and nothing is mapped that would make the mux fail.
 * Streams are named one by one, since `-map 0` also takes the data streams of phones and cameras.
 * Profiles in pytranscoder's own form have `mapStreams` instead, whose arguments must stay as they are.
 */

import type { MediaInfo, MediaStream } from '../model/media.ts'
import type { AttachedCover } from '../model/plan.ts'
import { type Container, findContainer } from './container.ts'
import { isWantedLanguage, mapLanguages } from './map-streams.ts'
import { codecOf, isCodecNamedByStream, lastValueOf } from './option-value.ts'
import type { ResolvedProfile } from './resolved-profile.ts'

export interface KeptStreams {
  /** All output options, adapted, with the stream maps behind them. */
  readonly options: readonly string[]
  /** What the result will lack or hold in another form, each a clause for a person. */
  readonly warnings: readonly string[]
  /** Cover pictures that no map can carry. */
  readonly covers: readonly AttachedCover[]
}

/** Subtitles that ffmpeg can turn into another text form; those made of pictures, and teletext, cannot be. */
const TEXT_SUBTITLES = new Set(
  words('ass ssa subrip srt mov_text webvtt text eia_608 microdvd mpl2 subviewer subviewer1 jacosub sami realtext stl pjs'),
)
const TEXT_ENCODERS = new Set(words('ass ssa subrip srt mov_text webvtt text ttml'))
const STYLED_SUBTITLES = new Set(words('ass ssa'))

/** Codecs of still pictures that may stand as a film of one frame: ffmpeg makes that of covers that it copies into Matroska. */
const STILL_CODECS = new Set(words('mjpeg png bmp webp gif tiff'))

const ENCODER_OF_SUBTITLE: Readonly<Record<string, string>> = { srt: 'SRT', mov_text: 'MP4 text', webvtt: 'WebVTT' }

/**
 * @param options output, audio, video and subtitle options, mixins included.
 * @returns undefined where nothing is known of the container, or where the options map streams themselves.
 */
export function keepStreams(profile: ResolvedProfile, options: readonly string[], media: MediaInfo): KeptStreams | undefined {
  const container = findContainer(profile.extension ?? '', lastValueOf(options, ['-f']))
  if (container === undefined || options.includes('-map')) return undefined
  const parts = container.isAudioOnly
    ? [keepOneAudio(profile, media, container)]
    : [
        keepFilms(options, media, container),
        keepAudio(profile, options, media, container),
        keepSubtitles(profile, options, media, container),
        keepAttachments(media, container),
        tellData(media),
      ]
  const covers = keepCovers(media, container, parts[0]?.films ?? 0)
  return {
    options: [
      ...(covers.maps.length > 0 ? aimAtFilms(options, parts[0]?.films ?? 0) : options),
      ...parts.flatMap(({ maps }) => maps),
      ...covers.maps,
      ...(container.formatToName === undefined || options.includes('-f') ? [] : ['-f', container.formatToName]),
    ],
    warnings: [...parts.flatMap(({ warnings }) => warnings), ...covers.warnings],
    covers: covers.attached,
  }
}

/** Why the whole file had better be left alone; undefined where it need not. */
export function findObstacle(profile: ResolvedProfile, options: readonly string[], media: MediaInfo): string | undefined {
  const container = findContainer(profile.extension ?? '', lastValueOf(options, ['-f']))
  if (container === undefined || options.includes('-map')) return undefined
  const film = media.streams.find((stream) => isFilm(stream, media))
  if (container.isAudioOnly) {
    return media.streams.some(({ kind }) => kind === 'audio') ? undefined : `it holds no audio, and ${container.name} nothing else`
  }
  if (film === undefined) return options.includes('-vn') ? undefined : 'it holds no video; profiles such as "opus" and "mp3" are for audio'
  const isCopied = codecOf(options, 'v') === 'copy'
  if (isCopied && film.rotationDegrees !== undefined && !container.holdsRotation) {
    return `its picture is turned by ${film.rotationDegrees}°, which a copy in ${container.name} would lose; encode it, or copy it to ".mp4" or ".mov"`
  }
  if (!isCopied && film.dolbyVisionProfile === 5) {
    return 'its colours are Dolby Vision profile 5, which no encoder but its own can read; only a copy keeps them'
  }
  return undefined
}

/** A film, and no cover picture, however that is marked. */
export function isFilm(stream: MediaStream, { streams }: MediaInfo): boolean {
  if (stream.kind !== 'video' || stream.isAttachedPicture) return false
  const isStill =
    STILL_CODECS.has(stream.codec) &&
    (stream.mimeType?.startsWith('image/') === true || (stream.durationSeconds !== undefined && stream.durationSeconds < 0.5))
  return !isStill || !streams.some((other) => other.kind === 'video' && !other.isAttachedPicture && !STILL_CODECS.has(other.codec))
}

interface Part {
  /** `-map` and options of the mapped streams. */
  readonly maps: readonly string[]
  readonly warnings: readonly string[]
  /** Number of film streams in it. */
  readonly films?: number
}

function keepFilms(options: readonly string[], media: MediaInfo, container: Container): Part {
  const films = media.streams.filter((stream) => isFilm(stream, media))
  const isPacked = container.needsStartCodes === true && codecOf(options, 'v') === 'copy' && !options.some((option) => /^-bsf/.test(option))
  const packed = films.flatMap(({ codec }, place) =>
    isPacked && (codec === 'h264' || codec === 'hevc') ? [`-bsf:v:${place}`, `${codec}_mp4toannexb`] : [],
  )
  return { maps: [...films.flatMap(mapOf), ...packed], warnings: [], films: films.length }
}

/** The audio stream that players would choose, of a wanted language where there is one. */
function keepOneAudio(profile: ResolvedProfile, media: MediaInfo, container: Container): Part {
  const audio = media.streams.filter((stream) => stream.kind === 'audio')
  const wanted = audio.filter((stream) => isWantedLanguage(stream, profile.audio))
  const candidates = wanted.length > 0 ? wanted : audio
  const stream = candidates.find((candidate) => candidate.isDefault) ?? candidates[0]
  const others = audio.length - 1
  const what = others === 1 ? 'another audio stream is' : `${others} other audio streams are`
  return {
    maps: stream === undefined ? [] : mapOf(stream),
    warnings: others < 1 ? [] : [`${what} left out: ${container.name} holds one here`],
  }
}

function keepAudio(profile: ResolvedProfile, options: readonly string[], media: MediaInfo, container: Container): Part {
  if (options.includes('-an')) return { maps: [], warnings: [] }
  const audio = media.streams.filter(({ kind }) => kind === 'audio')
  const kept = audio.filter((stream) => isWantedLanguage(stream, profile.audio))
  const areAllCopied = codecOf(options, 'a') === 'copy' && !isCodecNamedByStream(options, 'a')
  const unfit = kept.flatMap((stream, place) => (areAllCopied && !container.holdsAudio(stream.codec) ? [{ stream, place }] : []))
  return {
    maps: [
      ...mapLanguages('a', audio, profile.audio),
      ...unfit.flatMap(({ stream, place }) => encodeAudio(container.audioEncoding(stream), place)),
    ],
    warnings: unfit.map(
      ({ stream }) =>
        `${describe(stream)} becomes ${container.audioEncoding(stream).encoder.replace('lib', '')}: ${container.name} cannot hold it`,
    ),
  }
}

function encodeAudio({ encoder, bitrateBps }: ReturnType<Container['audioEncoding']>, place: number): readonly string[] {
  return [
    ...[`-c:a:${place}`, encoder],
    ...(bitrateBps === undefined ? [] : [`-b:a:${place}`, `${bitrateBps / 1000}k`]),
    // libopus refuses the layout 5.1(side), which AC-3 and DTS have.
    ...(encoder === 'libopus' ? [`-filter:a:${place}`, 'aformat=channel_layouts=7.1|6.1|5.1|5.0|quad|3.0|stereo|mono'] : []),
  ]
}

function keepSubtitles(profile: ResolvedProfile, options: readonly string[], media: MediaInfo, container: Container): Part {
  if (options.includes('-sn')) return { maps: [], warnings: [] }
  const subtitles = media.streams.filter(({ kind }) => kind === 'subtitle')
  if (isCodecNamedByStream(options, 's')) return { maps: mapLanguages('s', subtitles, profile.subtitle), warnings: [] }
  const codec = codecOf(options, 's')
  const fates = new Map(subtitles.map((stream) => [stream, toFate(stream, codec, container)]))
  const possible = subtitles.filter((stream) => fates.get(stream)?.kind !== 'dropped')
  const kept = possible.filter((stream) => isWantedLanguage(stream, profile.subtitle))
  const codecs = kept.flatMap((stream, place) => {
    const fate = fates.get(stream)
    return fate?.kind === 'kept' && fate.codec !== undefined ? [`-c:s:${place}`, fate.codec] : []
  })
  const wanted = subtitles.filter((stream) => isWantedLanguage(stream, profile.subtitle))
  return {
    maps: [...mapLanguages('s', possible, profile.subtitle), ...codecs],
    warnings: wanted.flatMap((stream) => fates.get(stream)?.warning ?? []),
  }
}

type SubtitleFate =
  /** `codec`: what has to be said of it beyond the profile's own options. */
  | { readonly kind: 'kept'; readonly codec: string | undefined; readonly warning?: string }
  | { readonly kind: 'dropped'; readonly warning: string }

/** @param wanted codec that the options name for all subtitles; what they leave open is copied where it can be. */
function toFate(stream: MediaStream, wanted: string | undefined, container: Container): SubtitleFate {
  const { codec } = stream
  const isText = TEXT_SUBTITLES.has(codec)
  if (wanted !== undefined && wanted !== 'copy') {
    if (isText === TEXT_ENCODERS.has(wanted)) return { kind: 'kept', codec: undefined }
    return { kind: 'dropped', warning: `${describe(stream)} is left out: "${wanted}" cannot be made of it` }
  }
  if (container.subtitles.has(codec)) return { kind: 'kept', codec: wanted === undefined ? 'copy' : undefined }
  const encoder = container.textEncoder
  if (isText && encoder !== undefined) {
    const warning = `${describe(stream)} becomes ${ENCODER_OF_SUBTITLE[encoder] ?? encoder} and loses its styles: ${container.name} cannot hold them`
    return { kind: 'kept', codec: encoder, ...(STYLED_SUBTITLES.has(codec) ? { warning } : {}) }
  }
  const more = encoder === undefined ? '' : ', and it is no text that could be converted'
  return { kind: 'dropped', warning: `${describe(stream)} is left out: ${container.name} cannot hold it${more}` }
}

/** Matroska's writer refuses an attachment without a name or type, which damaged files have. */
function keepAttachments(media: MediaInfo, container: Container): Part {
  const attachments = media.streams.filter(({ kind }) => kind === 'attachment')
  if (!container.holdsAttachments) {
    const count = attachments.length
    if (count === 0) return { maps: [], warnings: [] }
    const [what, them] = count === 1 ? ['an attached file is', 'it'] : [`${count} attached files are`, 'them']
    return { maps: [], warnings: [`${what} left out: ${container.name} cannot hold ${them}`] }
  }
  const tags = attachments.flatMap((stream, place) => [
    ...(stream.fileName === undefined ? [`-metadata:s:t:${place}`, `filename=attachment-${stream.index}`] : []),
    ...(stream.mimeType === undefined ? [`-metadata:s:t:${place}`, 'mimetype=application/octet-stream'] : []),
  ])
  return { maps: [...attachments.flatMap(mapOf), ...tags], warnings: [] }
}

/** No container takes all of them, most take none. A time code is also kept as a tag, so nobody needs to hear of it. */
function tellData({ streams }: MediaInfo): Part {
  const data = streams.filter(({ kind, codec }) => kind === 'data' && codec !== 'tmcd' && codec !== 'unknown' && codec !== 'bin_data')
  return { maps: [], warnings: data.map((stream) => `${describe(stream)} is left out: it is neither picture, sound nor text`) }
}

function keepCovers(media: MediaInfo, container: Container, films: number): Part & { readonly attached: readonly AttachedCover[] } {
  const covers = media.streams.filter((stream) => stream.kind === 'video' && !isFilm(stream, media))
  const kept = container.isAudioOnly
    ? covers.filter(({ codec }) => container.covers.has(codec)).slice(0, 1)
    : covers.filter(({ codec }) => container.covers.has(codec))
  const attached = attachCovers(covers, media, container)
  const lost = covers.length - kept.length - attached.length
  const [what, them] = lost === 1 ? ['a cover picture is', 'it'] : [`${lost} cover pictures are`, 'them']
  return {
    attached,
    maps: [
      ...kept.flatMap(mapOf),
      ...kept.flatMap((_, place) => {
        const specifier = films === 0 ? 'v' : `v:${films + place}`
        return [`-c:${specifier}`, 'copy', `-disposition:${specifier}`, 'attached_pic']
      }),
    ],
    warnings: lost < 1 ? [] : [`${what} left out: ffmpeg cannot write ${them} into ${container.name}`],
  }
}

/** Behind the attachments that the source has. */
function attachCovers(covers: readonly MediaStream[], { streams }: MediaInfo, { attachedCovers }: Container): readonly AttachedCover[] {
  const places = streams.filter(({ kind }) => kind === 'attachment').length
  return covers
    .filter(({ codec }) => attachedCovers?.has(codec) === true)
    .map(({ index, codec }, place) => ({ streamIndex: index, codec, attachment: places + place }))
}

/** Options of all video streams made options of the films: a cover that is copied takes no filter and no tag. */
function aimAtFilms(options: readonly string[], films: number): readonly string[] {
  return options.flatMap((option, at) => {
    const name = { '-vf': '-filter:v', '-filter:v': '-filter:v', '-tag:v': '-tag:v', '-vtag': '-tag:v' }[option]
    if (name !== undefined) return Array.from({ length: films }, (_, film) => [`${name}:${film}`, options[at + 1] ?? '']).flat()
    return isAimed(options[at - 1]) ? [] : [option]
  })
}

function isAimed(option: string | undefined): boolean {
  return option === '-vf' || option === '-filter:v' || option === '-tag:v' || option === '-vtag'
}

/** `subtitle stream 3 (hdmv_pgs_subtitle, eng)` */
function describe({ index, kind, codec, language }: MediaStream): string {
  return `${kind} stream ${index} (${language === 'und' ? codec : `${codec}, ${language}`})`
}

function mapOf({ index }: MediaStream): readonly string[] {
  return ['-map', `0:${index}`]
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
