/**
 * Stream maps of the shipped profiles, and of those that include one: everything that the result's container can hold is kept, and
 * nothing is mapped that would make the mux fail. Named one by one, since `-map 0` also takes the data streams of phones and cameras.
 * Profiles in pytranscoder's own form have `mapStreams` instead, whose arguments must stay as they are.
 */

import type { MediaInfo, MediaStream } from '../model/media.ts'
import { isWantedLanguage, mapLanguages } from './map-streams.ts'
import type { ResolvedProfile } from './resolve-profile.ts'

interface Container {
  /** Subtitle codecs that can be copied into it. */
  readonly subtitles: ReadonlySet<string>
  /** What other text subtitles become. */
  readonly textSubtitle: string
  /** Fonts and other attached files. */
  readonly holdsAttachments: boolean
}

/** Subtitles that ffmpeg can turn into another text form; those made of pictures, and teletext, cannot be. */
const TEXT_SUBTITLES = new Set(
  words('ass ssa subrip srt mov_text webvtt text eia_608 microdvd mpl2 subviewer subviewer1 jacosub sami realtext stl pjs'),
)

const MATROSKA: Container = {
  subtitles: new Set(words('ass ssa subrip srt webvtt text hdmv_pgs_subtitle hdmv_text_subtitle dvd_subtitle dvb_subtitle')),
  textSubtitle: 'srt',
  holdsAttachments: true,
}
const MP4: Container = { subtitles: new Set(['mov_text']), textSubtitle: 'mov_text', holdsAttachments: false }
const WEBM: Container = { subtitles: new Set(['webvtt']), textSubtitle: 'webvtt', holdsAttachments: false }

const VIDEO_CONTAINERS: Readonly<Record<string, Container>> = { '.mkv': MATROSKA, '.mp4': MP4, '.m4v': MP4, '.mov': MP4, '.webm': WEBM }

/** Containers for one audio stream; true: with a cover picture beside it. */
const AUDIO_CONTAINERS: Readonly<Record<string, boolean>> = {
  '.mp3': true,
  '.flac': true,
  '.m4a': true,
  '.m4b': true,
  '.opus': false,
  '.ogg': false,
  '.oga': false,
}

/** Undefined where nothing is known of the container. */
export function keepStreams(profile: ResolvedProfile, subtitleOptions: readonly string[], media: MediaInfo): readonly string[] | undefined {
  const extension = profile.extension?.toLowerCase() ?? ''
  const holdsCover = AUDIO_CONTAINERS[extension]
  if (holdsCover !== undefined) return keepAudio(profile, media, holdsCover)
  const container = VIDEO_CONTAINERS[extension]
  return container === undefined ? undefined : keepAll(profile, subtitleOptions, media, container)
}

/** The audio stream that players would choose, of a wanted language where there is one. */
function keepAudio(profile: ResolvedProfile, media: MediaInfo, holdsCover: boolean): readonly string[] {
  const audio = media.streams.filter((stream) => stream.kind === 'audio')
  const wanted = audio.filter((stream) => isWantedLanguage(stream, profile.audio))
  const candidates = wanted.length > 0 ? wanted : audio
  const stream = candidates.find((candidate) => candidate.isDefault) ?? candidates[0]
  const cover = holdsCover ? media.streams.find((candidate) => candidate.isAttachedPicture) : undefined
  return [
    ...(stream === undefined ? [] : mapOf(stream)),
    ...(cover === undefined ? [] : [...mapOf(cover), '-c:v', 'copy', '-disposition:v', 'attached_pic']),
  ]
}

/** Cover pictures are left out: ffmpeg 5.1 would write them into Matroska as one more film, of a single frame. */
function keepAll(profile: ResolvedProfile, subtitleOptions: readonly string[], media: MediaInfo, container: Container): readonly string[] {
  const ofKind = (kind: MediaStream['kind']) => media.streams.filter((stream) => stream.kind === kind && !stream.isAttachedPicture)
  // A codec that the profile, its child or a mixin names holds for all subtitles; only copying is ours to adapt.
  const isCopied = subtitleCodec(subtitleOptions) === 'copy'
  const subtitles = ofKind('subtitle').filter(({ codec }) => !isCopied || container.subtitles.has(codec) || TEXT_SUBTITLES.has(codec))
  const kept = subtitles.filter((stream) => isWantedLanguage(stream, profile.subtitle))
  const converted = kept.flatMap(({ codec }, place) =>
    isCopied && !container.subtitles.has(codec) ? [`-c:s:${place}`, container.textSubtitle] : [],
  )
  return [
    ...ofKind('video').flatMap(mapOf),
    ...mapLanguages('a', ofKind('audio'), profile.audio),
    ...mapLanguages('s', subtitles, profile.subtitle),
    ...converted,
    ...(container.holdsAttachments ? ofKind('attachment').flatMap(mapOf) : []),
  ]
}

function subtitleCodec(options: readonly string[]): string | undefined {
  const at = options.findLastIndex((option) => option === '-c:s' || option === '-codec:s' || option === '-scodec' || option === '-c')
  return at === -1 ? undefined : options[at + 1]
}

function mapOf({ index }: MediaStream): readonly string[] {
  return ['-map', `0:${index}`]
}

function words(text: string): readonly string[] {
  return text.split(' ')
}
