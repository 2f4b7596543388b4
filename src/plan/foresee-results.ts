/** What can be said of a source's result before anybody has looked into the source. */

import { isEncodeError } from '../core/errors.ts'
import { resolveMixin, resolveProfile } from '../profile/resolve-profile.ts'
import { resolveVariants } from '../profile/resolve-variants.ts'
import { toOutputName } from '../profile/to-output-name.ts'
import { checkQueue } from './check-queue.ts'
import type { FoundSource } from './find-sources.ts'
import type { PlanOptions } from './plan-options.ts'
import { LOCAL_CLUSTER, type Target } from './target.ts'

/** Every name that the result of a source may get. */
export type ForeseeResults = (source: FoundSource) => readonly string[]

type Outcome = { readonly name: string; readonly extension: string }

/**
 * Undefined where one of these targets may meet a fault of the configuration (a rule for a profile that does not exist, or whose queue no
 * host has): then every source has to be looked into before anything starts.
 */
export function foreseeResults(targets: Iterable<Target>, options: PlanOptions): ForeseeResults | undefined {
  const outcomes = new Map<Target, readonly Outcome[]>()
  const known = new Map<string, readonly Outcome[]>()
  try {
    for (const target of targets) {
      const key = JSON.stringify([target.cluster, target.choice])
      const own = known.get(key) ?? foreseeOutcomes(target, options)
      if (own.some(({ extension }) => extension === '')) return undefined
      known.set(key, own)
      outcomes.set(target, own)
    }
  } catch (error) {
    if (isEncodeError(error, 'CONFIG_INVALID') || isEncodeError(error, 'USAGE_INVALID')) return undefined
    throw error
  }
  return ({ path, givenPath, root, target }) => {
    const { keepsSource, outputFolder } = options
    const source = outputFolder === undefined ? path : givenPath
    return (outcomes.get(target) ?? []).map((outcome) => toOutputName(source, outcome, { keepsSource, outputFolder, root }))
  }
}

/** Without those that make the same name. */
function foreseeOutcomes({ cluster = LOCAL_CLUSTER, choice }: Target, options: PlanOptions): readonly Outcome[] {
  const { config } = options
  const named = choice.profile ?? choice.template
  const names =
    named === undefined ? config.rules.map((rule) => rule.profile).filter((profile) => profile.toUpperCase() !== 'SKIP') : [named]
  for (const mixin of choice.mixins) resolveMixin(config, mixin)
  const outcomes = new Map<string, Outcome>()
  for (const name of new Set(names)) {
    const resolved = resolveProfile(config, name)
    for (const profile of [resolved, { ...resolved, variants: [] }]) {
      const variants = resolveVariants(config, profile)
      checkQueue({ cluster, profile, variants }, options.hosts)
    }
    const { extension = '' } = resolved
    // The profile's own name is part of the result's where the source would bear it.
    outcomes.set(JSON.stringify([extension, options.keepsSource || options.outputFolder !== undefined ? name : '']), { name, extension })
  }
  return [...outcomes.values()]
}
