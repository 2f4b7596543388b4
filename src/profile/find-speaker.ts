/** Mixins: who has the word on the audio, video or subtitle options of a call. */

import type { ResolvedProfile, Section } from './resolved-profile.ts'

/**
 * The first mixin with that section speaks for it; if it is empty there, the profile's own stays. A section that the profile lacks
 * cannot be mixed in: undefined.
 */
export function findSpeaker(section: Section, profile: ResolvedProfile, mixins: readonly ResolvedProfile[]): ResolvedProfile | undefined {
  if (profile.sections[section] === undefined) return undefined
  const mixin = mixins.find((candidate) => candidate.sections[section] !== undefined)
  return (mixin?.sections[section] ?? []).length > 0 ? mixin : profile
}
