/** A report of ffmpeg's progress held against its source. */

import { savedPercent } from '../core/units.ts'
import type { EncodeProgress, MediaInfo } from '../model/media.ts'

/** How much of the source is done, 0 to 100; undefined where the source's length is unknown. */
export function encodePercent(progress: EncodeProgress, durationSeconds: number): number | undefined {
  if (progress.isEnd) return 100
  if (durationSeconds <= 0) return undefined
  return Math.min(100, Math.max(0, (progress.outSeconds / durationSeconds) * 100))
}

/** Until then what is written is the container's header more than media. */
const TELLING_FROM_PERCENT = 1

/** The saving if the rest goes as the part that is done, in percent; undefined before anything can be said. */
export function projectedSavedPercent(progress: EncodeProgress, source: MediaInfo): number | undefined {
  const percent = encodePercent(progress, source.durationSeconds)
  if (percent === undefined || percent < TELLING_FROM_PERCENT || progress.sizeBytes <= 0) return undefined
  return savedPercent((source.sizeBytes * percent) / 100, progress.sizeBytes)
}
