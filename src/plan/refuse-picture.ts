/** Posters lie beside films, and a shell's `*` names them too: as a film of one frame such a file would be lost. */

import { EncodeError } from '../core/errors.ts'
import type { MediaInfo } from '../model/media.ts'

/** Names of ffprobe for files that hold one picture: `png_pipe`, `jpeg_pipe`, `image2`. */
const PICTURE_FORMAT = /^(?:image2|ico|fits|\w+_pipe)$/

/** @throws EncodeError SOURCE_UNREADABLE */
export function refusePicture({ container, streams }: MediaInfo): void {
  // AVIF and HEIC are called as films are, and perhaps made of tiles; a GIF may be one, too.
  const isStill = streams.every(({ kind, isStill }) => kind !== 'audio' && (kind !== 'video' || isStill === true))
  const hasPicture = streams.some(({ kind }) => kind === 'video')
  if (!PICTURE_FORMAT.test(container) && !(isStill && hasPicture)) return
  throw new EncodeError('SOURCE_UNREADABLE', 'It is a picture, neither film nor sound')
}
