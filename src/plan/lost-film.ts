/**
 * A profile for sound, and a film among the songs: its sound would take its place, and the picture would be gone with the source. Taking the
 * sound out of a film is another matter where the film stays.
 */

import { dropsPicture } from '../media/expect-result.ts'
import type { JobPlan } from '../model/plan.ts'
import { isFilm } from '../profile/keep-streams.ts'

/** Why the source had better be left alone, a clause; undefined where it need not. */
export function describeLostFilm({ source, arguments: args, profile, replacesSource }: JobPlan): string | undefined {
  if (!replacesSource || !source.streams.some((stream) => isFilm(stream, source))) return undefined
  if (!dropsPicture(source, args, profile.extension)) return undefined
  return `it is a film, of which profile "${profile.name}" keeps the sound alone; use -k or -o to take that out`
}
