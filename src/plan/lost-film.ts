/**
 * A profile for sound, and a film among the songs: its sound would take its place, and the picture would be gone with the source. Taking the
 * sound out of a film is another matter where the film stays.
 */

import { dropsPicture, expectResult } from '../media/expect-result.ts'
import type { JobPlan } from '../model/plan.ts'
import { isFilm } from '../profile/keep-streams.ts'

/** What decides it; a plan has all of it, and so has an explanation. */
export type DecidedEncode = Pick<JobPlan, 'source' | 'arguments' | 'profile' | 'replacesSource'>

/** Why the source had better be left alone, a clause; undefined where it need not. */
export function describeLostFilm({ source, arguments: args, profile, replacesSource }: DecidedEncode): string | undefined {
  if (!replacesSource || !source.streams.some((stream) => isFilm(stream, source))) return undefined
  if (!dropsPicture(source, args, profile.extension)) return undefined
  return `it is a film, of which profile "${profile.name}" keeps the sound alone; use -k or -o to take that out`
}

/** A camera with two lenses writes two films into one file; ffmpeg by itself takes one. A clause; undefined where nothing of that kind is lost. */
export function warnOfLostFilms({ source, arguments: args, profile, replacesSource }: DecidedEncode): string | undefined {
  const films = source.streams.filter((stream) => isFilm(stream, source)).length
  const kept = expectResult(source, args, profile.extension).streams.video
  // None: a filter makes of them what it will.
  if (!replacesSource || kept === 0 || kept >= films) return undefined
  return `of its ${films} video streams ${films - kept === 1 ? 'one is' : `${films - kept} are`} left out; "stream_safety: yes" keeps them`
}
