/** What of a file plays: pictures that stand still (covers), subtitles and data left out. */

import type { MediaInfo, MediaStream } from '../model/media.ts'

export type PlayableStream = MediaStream & { readonly kind: 'video' | 'audio' }

export function selectPlayable({ streams }: MediaInfo): readonly PlayableStream[] {
  return streams.filter(
    (stream): stream is PlayableStream => (stream.kind === 'video' || stream.kind === 'audio') && !stream.isAttachedPicture,
  )
}
