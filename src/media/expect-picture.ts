/** What the ffmpeg arguments leave as it is in the source: the size of the picture, and streams that are copied bit by bit. */

import type { MediaInfo } from '../model/media.ts'
import type { EncodeArguments } from '../model/plan.ts'
import { selectPlayable } from './playable.ts'

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** Options after which the picture may have another size, and filters, of which any may. */
const SIZE_OPTIONS =
  /^-(?:s|vf|filter|filter_complex|lavfi|filter_script|filter_complex_script|\/filter\w*|video_size|resize|crop|lowres|target|apply_cropping|i)(?::v.*|:\d+)?$/
const CODEC_OPTION = /^-(?:c|codec|[va]codec)(?::.*)?$/

/** Undefined where it may change, or where it is not sure which picture is meant. */
export function expectPicture(source: MediaInfo, { input, output }: EncodeArguments): PictureSize | undefined {
  if ([...input, ...output].some((option) => SIZE_OPTIONS.test(option))) return undefined
  const [video, ...others] = selectPlayable(source).filter(({ kind }) => kind === 'video')
  return video?.width === undefined || video.height === undefined || others.length > 0
    ? undefined
    : { width: video.width, height: video.height }
}

/** Encoders add up to a block of 64 pixels at the edges, and ffmpeg turns pictures that a player would turn. */
export function isOfSize({ width, height }: PictureSize, wanted: PictureSize): boolean {
  const fits = (found: number, expected: number) => found >= expected - 16 && found <= expected + 64
  return (fits(width, wanted.width) && fits(height, wanted.height)) || (fits(width, wanted.height) && fits(height, wanted.width))
}

/** Kinds of which a stream may be copied: its faults are then the source's. */
export function listCopied({ output }: EncodeArguments): ReadonlySet<'video' | 'audio'> {
  const kinds = output.flatMap((option, at) => {
    if (output[at + 1] !== 'copy' || !CODEC_OPTION.test(option)) return []
    const [, letter] = /^-([va])codec|^-\w+:([vVa])(?:$|:)/.exec(option)?.filter((group) => group !== undefined) ?? []
    return letter === undefined ? (['video', 'audio'] as const) : letter === 'a' ? (['audio'] as const) : (['video'] as const)
  })
  return new Set(kinds)
}
