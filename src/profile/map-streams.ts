/** Streams of the source that go into the result: `-map` and `-disposition` options for the languages that a profile wants. */

import type { LanguageChoice } from '../model/config.ts'
import type { MediaInfo, MediaStream } from '../model/media.ts'
import type { ResolvedProfile } from './resolved-profile.ts'

/**
 * Nothing where there is nothing to choose: ffmpeg takes the one stream of each kind by itself. With several audio or several
 * subtitle streams: all of them, or the video stream and the wanted languages.
 */
export function mapStreams(profile: Pick<ResolvedProfile, 'audio' | 'subtitle'>, media: MediaInfo): readonly string[] {
  const audio = media.streams.filter((stream) => stream.kind === 'audio')
  const subtitle = media.streams.filter((stream) => stream.kind === 'subtitle')
  if (audio.length <= 1 && subtitle.length <= 1) return []
  if (!isChoosy(profile.audio) && !isChoosy(profile.subtitle)) return ['-map', '0']
  const video = media.streams.find((stream) => stream.kind === 'video' && !stream.isAttachedPicture)
  return [
    ...(video === undefined ? [] : ['-map', `0:${video.index}`]),
    ...mapLanguages('a', audio, profile.audio),
    ...mapLanguages('s', subtitle, profile.subtitle),
  ]
}

/** Maps, and the default flag for the default language where the stream that had it is dropped. */
export function mapLanguages(kindLetter: 'a' | 's', streams: readonly MediaStream[], choice: LanguageChoice): readonly string[] {
  const isKept = (stream: MediaStream) => isWantedLanguage(stream, choice)
  const kept = streams.filter(isKept)
  const losesDefault = streams.some((stream) => stream.isDefault && !isKept(stream))
  return [
    ...kept.flatMap((stream) => ['-map', `0:${stream.index}`]),
    ...kept.flatMap((stream, place) =>
      losesDefault && stream.language === choice.defaultLanguage ? [`-disposition:${kindLetter}:${place}`, 'default'] : [],
    ),
  ]
}

/** A language must be included, where any is, and not be excluded. */
export function isWantedLanguage({ language }: MediaStream, { include, exclude }: LanguageChoice): boolean {
  return (include.length === 0 || include.includes(language)) && !exclude.includes(language)
}

function isChoosy({ include, exclude }: LanguageChoice): boolean {
  return include.length > 0 || exclude.length > 0
}
