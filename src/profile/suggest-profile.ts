/** Which name was meant. */

import { nearest } from '../core/nearest.ts'
import type { Config } from '../model/config.ts'

/** What to do about a name that does not exist. */
export function suggestProfile(config: Config, name: string): string {
  const names = [...config.profiles, ...config.templates].map((candidate) => candidate.name)
  const near = nearest(name, names)
  return near === undefined ? 'List what there is with "encode profiles"' : `Did you mean "${near}"?`
}
