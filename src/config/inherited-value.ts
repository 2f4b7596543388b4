/** What a profile has of its own or by its includes, for checks that need no more than one key of it. */

import type { ProfileDefinition } from '../model/config.ts'

/** The profile's own value, else that of the first included profile that has one. Undefined too where includes run in a circle. */
export function inheritedValue<Key extends 'extension' | 'queue'>(
  profiles: readonly ProfileDefinition[],
  name: string,
  key: Key,
  seen: ReadonlySet<string> = new Set(),
): ProfileDefinition[Key] {
  const profile = profiles.find((candidate) => candidate.name === name)
  if (profile === undefined || seen.has(name)) return undefined
  if (profile[key] !== undefined) return profile[key]
  for (const parent of profile.include) {
    const value = inheritedValue(profiles, parent, key, new Set([...seen, name]))
    if (value !== undefined) return value
  }
  return undefined
}
