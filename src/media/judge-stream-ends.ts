/**
 * Does each stream of a result go on to its end? The length of a file is that of its longest stream: sound that breaks off, or one
 * picture that stands still, hides behind the other. A stream that ends early in the source may do so in the result.
 */

import { longestFrameSeconds } from './expect-result.ts'
import { lengthTolerance } from './length-tolerance.ts'
import { selectPlayable } from './playable.ts'
import type { QuickLook } from './quick-look.ts'

/** A percent of a long film would be a minute; two ends of one stream lie closer together. */
const MOST_TOLERANCE_SECONDS = 2

type Kind = 'video' | 'audio'

/** Kinds of which a stream ends before the file does: reason to look at the source. */
export function findEarlyEnds(look: QuickLook): readonly Kind[] {
  return (['video', 'audio'] as const).filter((kind) => gapOf(look, kind) > toTolerance(look))
}

/** A clause for a person for each of these kinds that goes on in the source. */
export function judgeStreamEnds(result: QuickLook, source: QuickLook, kinds: readonly Kind[]): readonly string[] {
  return kinds
    .filter((kind) => gapOf(result, kind) > gapOf(source, kind) + toTolerance(result) + longestFrameSeconds(source.media))
    .map((kind) => {
      const gap = gapOf(result, kind)
      return gap === Number.POSITIVE_INFINITY ? `its ${kind} ends long before the file does` : `its ${kind} ends ${gap.toFixed(1)} s early`
    })
}

/** Seconds from the earliest end of a stream of this kind to the end of the file; Infinity where that end is not near. */
function gapOf({ media, streams, endSeconds = 0 }: QuickLook, kind: Kind): number {
  const playable = new Set(selectPlayable(media).map(({ index }) => index))
  const gaps = streams
    .filter((stream) => stream.kind === kind && playable.has(stream.index))
    .map((stream) => (stream.endSeconds === undefined ? Number.POSITIVE_INFINITY : endSeconds - stream.endSeconds))
  return Math.max(0, ...gaps)
}

function toTolerance({ endSeconds = 0 }: QuickLook): number {
  return Math.min(lengthTolerance(endSeconds), MOST_TOLERANCE_SECONDS)
}
