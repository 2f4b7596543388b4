/** What jobs can run with: templates and profiles that are no fragments, and in which queues. */

import type { Config } from '../model/config.ts'
import { resolveMixin, resolveProfile } from './resolve-profile.ts'
import { resolveVariants } from './resolve-variants.ts'

export interface Recipe {
  readonly kind: 'profile' | 'template'
  readonly name: string
  readonly isShipped: boolean
  /** For each variant the queues whose slots it may take; the first that a host has is the one. */
  readonly queues: readonly (readonly string[])[]
}

/** A template hides a profile of its name. */
export function listRecipes(config: Config): readonly Recipe[] {
  const hidden = new Set(config.templates.map(({ name }) => name))
  const templates = config.templates.map(({ name }): Recipe => {
    const { queue } = resolveProfile(config, name)
    return { kind: 'template', name, isShipped: false, queues: [[queue]] }
  })
  const profiles = config.profiles.flatMap(({ name, isShipped }): readonly Recipe[] => {
    const resolved = resolveMixin(config, name)
    if (hidden.has(name) || resolved.extension === undefined) return []
    return [{ kind: 'profile', name, isShipped, queues: resolveVariants(config, resolved).map((variant) => variant.queues) }]
  })
  return [...templates, ...profiles]
}
