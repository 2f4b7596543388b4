/** Which streams of a file go into the result, and why the others do not. */

import { selectMappedStreams } from '../../media/select-mapped-streams.ts'
import type { Config } from '../../model/config.ts'
import type { MediaInfo, MediaStream } from '../../model/media.ts'
import type { EncodeArguments } from '../../model/plan.ts'
import { isWantedLanguage } from '../../profile/map-streams.ts'
import type { ResolvedProfile } from '../../profile/resolved-profile.ts'

export interface StreamExplanation {
  /** Why the maps are as they are. */
  readonly reason: string
  readonly streams: readonly StreamVerdict[]
}

export interface StreamVerdict {
  readonly stream: MediaStream
  /** Undefined where ffmpeg chooses by itself. */
  readonly isKept: boolean | undefined
  readonly reason: string | undefined
}

export function explainStreams(config: Config, profile: ResolvedProfile, args: EncodeArguments, media: MediaInfo): StreamExplanation {
  const maps = args.output.flatMap((option, at) => (args.output[at - 1] === '-map' ? [option] : []))
  if (maps.length === 0) {
    return {
      reason: describeNoMaps(config, profile),
      streams: media.streams.map((stream) => ({ stream, ...judgeUnmapped(stream, args, media) })),
    }
  }
  const taken = new Set(selectMappedStreams(media, maps, 0))
  return {
    reason: describeMaps(config, profile, maps),
    streams: media.streams.map((stream) => ({
      stream,
      isKept: taken.has(stream),
      reason: taken.has(stream) ? undefined : describeLeftOut(stream, profile),
    })),
  }
}

function describeNoMaps(config: Config, profile: ResolvedProfile): string {
  const by = 'ffmpeg takes one stream of each kind by itself'
  if (!config.automap) return `No maps, since "automap" is off for all profiles: ${by}`
  if (!profile.automap) return `No maps, since "automap" is off for profile "${profile.name}": ${by}`
  return `No maps are needed with one audio and one subtitle stream at most: ${by}`
}

function describeMaps(config: Config, profile: ResolvedProfile, maps: readonly string[]): string {
  const written = [...profile.outputOptions, ...Object.values(profile.sections).flat()]
  if (written.includes('-map') || !config.automap || !profile.automap) return 'Mapped by options of the profile or a mixin'
  if (maps.length === 1 && maps[0] === '0')
    return 'There are several audio or subtitle streams, and no languages are asked for: all are mapped'
  const isChoosy = [profile.audio, profile.subtitle].some(({ include, exclude }) => include.length + exclude.length > 0)
  const kept = profile.keepsStreams ? 'What the container can hold is kept' : 'The video stream is mapped'
  if (!isChoosy) return kept
  return `${kept}${profile.keepsStreams ? ',' : ', and'} audio and subtitles of the wanted languages`
}

function judgeUnmapped(stream: MediaStream, { output }: EncodeArguments, media: MediaInfo): Pick<StreamVerdict, 'isKept' | 'reason'> {
  const switches: Readonly<Record<MediaStream['kind'], string | undefined>> = {
    video: '-vn',
    audio: '-an',
    subtitle: '-sn',
    data: undefined,
    attachment: undefined,
  }
  const off = switches[stream.kind]
  if (off === undefined) return { isKept: false, reason: 'ffmpeg takes none of its kind by itself' }
  if (output.includes(off)) return { isKept: false, reason: `${off} is among the options` }
  const rivals = media.streams.filter(({ kind }) => kind === stream.kind)
  if (rivals.length === 1) return { isKept: true, reason: undefined }
  return { isKept: undefined, reason: `ffmpeg picks one of ${rivals.length}` }
}

function describeLeftOut(stream: MediaStream, profile: ResolvedProfile): string {
  if (stream.isAttachedPicture) return 'a cover picture'
  const choice = stream.kind === 'audio' ? profile.audio : stream.kind === 'subtitle' ? profile.subtitle : undefined
  if (choice !== undefined && !isWantedLanguage(stream, choice)) return `language "${stream.language}" is not wanted`
  if (profile.keepsStreams) return 'the container cannot hold it'
  return 'not mapped'
}
