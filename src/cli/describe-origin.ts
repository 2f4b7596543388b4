/** Where a value comes from, in the words of the commands that show configuration. */

import { basename } from 'node:path'
import { toVisible } from '../core/text.ts'
import type { SourcePlace } from '../model/config.ts'
import type { ValueOrigin } from '../profile/options.ts'

/** `config.yml:12`; a shipped file is marked, since it is not the person's. */
export function describePlace({ file, line }: SourcePlace, isShipped = false): string {
  return `${isShipped ? 'shipped, ' : ''}${toVisible(basename(file))}:${line}`
}

/** `own, config.yml:12` or `from base, config.yml:3`. */
export function describeOrigin({ profile, isShipped, place }: ValueOrigin, owner: string): string {
  const who = profile !== owner ? `from ${toVisible(profile)}, ` : isShipped ? '' : 'own, '
  return `${who}${describePlace(place, isShipped)}`
}

export function toOriginObject({ profile, isShipped, place }: ValueOrigin): object {
  return { profile, shipped: isShipped, file: place.file, line: place.line }
}
