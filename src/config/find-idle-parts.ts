/**
 * What stands in a configuration and can have no effect: rules behind a rule that takes all of theirs, profiles that no host takes,
 * queues that no profile runs in, path substitutions of folders that are not here. Each is a warning, since the file works without.
 */

import type { HostConfig, PathSubstitution } from '../model/config.ts'
import { substitutionsOf } from './build-clusters.ts'
import { listNames, quote } from './describe.ts'
import { findShadowedRules } from './find-shadowed-rules.ts'
import { entriesOf, entriesOfEach, type Finding, type Located, valueAt } from './located.ts'
import type { ExaminedConfig } from './parse-config.ts'

/** A profile or template that jobs can run with. */
export interface IdleRecipe {
  readonly kind: 'profile' | 'template'
  readonly name: string
  readonly isShipped: boolean
  /** For each variant the queues whose slots it may take; the first that a host has is the one. */
  readonly queues: readonly (readonly string[])[]
}

export interface IdleOptions {
  readonly recipes: readonly IdleRecipe[]
  /** Whether there is such a file or folder on this machine. */
  readonly isHere: (path: string) => Promise<boolean>
}

/** @param examined a file without problems. */
export async function findIdleParts(examined: ExaminedConfig, options: IdleOptions): Promise<readonly Finding[]> {
  return [
    ...findIdleRules(examined),
    ...findIdleProfiles(examined, options.recipes),
    ...findIdleQueues(examined, options.recipes),
    ...(await findIdleSubstitutions(examined, options)),
  ]
}

function findIdleRules({ config, root, source }: ExaminedConfig): readonly Finding[] {
  return findShadowedRules(config.rules).map(({ rule, by }) => {
    const scope = by.criteria.length === 0 ? 'every file' : 'every file that it would take'
    const message = `Rule ${quote(rule.name)} can never match: rule ${quote(by.name)} in line ${by.place.line} comes before it and takes ${scope}`
    return { offset: keyOffsetOf(root, source.text.length, 'rules', rule.name), message }
  })
}

/** Shipped profiles stay out of it: nobody asked for them. So does what is there to be included, unless a rule names it. */
function findIdleProfiles({ config, root, source }: ExaminedConfig, recipes: readonly IdleRecipe[]): readonly Finding[] {
  const hosts = config.clusters.flatMap((cluster) => cluster.hosts)
  const isBase = (name: string): boolean =>
    config.profiles.some(({ include }) => include.includes(name)) && !config.rules.some(({ profile }) => profile === name)
  return recipes
    .filter(({ name, isShipped }) => !isShipped && !isBase(name))
    .flatMap((recipe) => {
      const message = hosts.length === 0 ? describeNoSlots(recipe, config) : describeNoHost(recipe, hosts, config)
      return message === undefined ? [] : [{ offset: keyOffsetOf(root, source.text.length, `${recipe.kind}s`, recipe.name), message }]
    })
}

/** Queues of a machine; those that it finds for itself are not known here. */
type Slots = Pick<HostConfig, 'queues' | 'hasAutoQueues'>

/** Without clusters, all runs on this machine. */
function describeNoSlots(recipe: IdleRecipe, machine: Slots): string | undefined {
  if (hasSlots(machine, recipe)) return undefined
  const what = `${recipe.kind === 'profile' ? 'Profile' : 'Template'} ${quote(recipe.name)}`
  return `${what} runs in ${describeQueues(recipe)}, which this machine does not have; its queues are ${listNames(Object.keys(machine.queues), 'and')}`
}

function describeNoHost(recipe: IdleRecipe, hosts: readonly HostConfig[], machine: Slots): string | undefined {
  const { kind, name } = recipe
  const isListed = ({ profiles }: HostConfig): boolean => profiles === undefined || profiles.includes(name)
  const able = hosts.filter((host) => isListed(host) && hasSlots(host, recipe))
  if (able.some((host) => host.isEnabled)) return undefined
  const listed = hosts.filter(isListed)
  const names = (some: readonly HostConfig[]): string =>
    listNames(
      some.map((host) => host.name),
      'and',
    )
  const lack = `it runs in ${describeQueues(recipe)}, which`
  const why = (): string => {
    if (able.length > 0) return `${names(able)} could, but ${able.length === 1 ? 'is' : 'are'} disabled`
    if (listed.length === 0) return 'each has a list of profiles without it'
    if (listed.length === hosts.length) return `${lack} none has`
    return `${lack} ${names(listed)} ${listed.length === 1 ? 'does' : 'do'} not have, and the others have lists of profiles without it`
  }
  return `No host takes ${kind} ${quote(name)}: ${why()}${hasSlots(machine, recipe) ? '; only this machine does, without -c' : ''}`
}

function describeQueues({ queues }: IdleRecipe): string {
  const names = [...new Set(queues.flat())]
  return `${names.length === 1 ? 'queue' : 'the queues'} ${listNames(names)}`
}

/** Queues that are written down; each host's are held against the profiles that it takes. */
function findIdleQueues({ config, root }: ExaminedConfig, recipes: readonly IdleRecipe[]): readonly Finding[] {
  const isUsed = (queue: string, queues: HostConfig['queues'], taken: readonly string[] | undefined): boolean =>
    (queues[queue] ?? 0) === 0 ||
    recipes
      .filter(({ name }) => taken === undefined || taken.includes(name))
      .some((recipe) => recipe.queues.some((variant) => variant.find((name) => (queues[name] ?? 0) > 0) === queue))
  const clusters = config.clusters.flatMap(({ name: cluster, hosts }) =>
    hosts.flatMap(({ name, profiles, queues }) =>
      entriesOfEach(valueAt(root, 'config', 'clusters', cluster, name, 'queues'))
        .filter(([queue]) => !isUsed(queue, queues, profiles))
        .map(([queue, { keyOffset }]) => {
          const why = profiles === undefined ? 'no profile runs in it' : 'no profile that the host takes runs in it'
          return { offset: keyOffset, message: `Nobody uses the queue ${quote(queue)} of host ${quote(name)}: ${why}` }
        }),
    ),
  )
  const own = entriesOfEach(valueAt(root, 'config', 'queues'))
    .filter(([queue]) => !isUsed(queue, config.queues, undefined))
    .map(([queue, { keyOffset }]) => ({ offset: keyOffset, message: `Nobody uses the queue ${quote(queue)}: no profile runs in it` }))
  return [...own, ...clusters]
}

/** In a file without problems each substitution that is written is one that holds. */
async function findIdleSubstitutions({ config, root }: ExaminedConfig, { isHere }: IdleOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const { name: cluster, hosts } of config.clusters) {
    for (const host of hosts) {
      const node = valueAt(root, 'config', 'clusters', cluster, host.name)
      for (const [index, { offset }] of substitutionsOf(node).entries()) {
        const pair = host.pathSubstitutions[index]
        const message = pair === undefined ? undefined : await describeIdleSubstitution(pair, host, isHere)
        if (message !== undefined) findings.push({ offset, message })
      }
    }
  }
  return findings
}

async function describeIdleSubstitution(
  pair: PathSubstitution,
  host: HostConfig,
  isHere: IdleOptions['isHere'],
): Promise<string | undefined> {
  const what = `The path substitution of ${quote(pair.from)} on host ${quote(host.name)}`
  if (host.type !== 'mounted') return `${what} has no effect: the host is ${host.type}, only mounted ones see the media by a path`
  const trimmed = (path: string): string => path.replace(/[/\\]+$/, '')
  const first = host.pathSubstitutions.find(({ from }) => trimmed(from) === trimmed(pair.from))
  if (first !== undefined && first !== pair) return `${what} has no effect: the same folder was given before, as ${quote(first.to)}`
  if (await isHere(pair.from)) return undefined
  return `${what} matches nothing: there is no such folder on this machine`
}

function hasSlots({ queues, hasAutoQueues = false }: Slots, recipe: IdleRecipe): boolean {
  return hasAutoQueues || recipe.queues.flat().some((queue) => (queues[queue] ?? 0) > 0)
}

/** Every name that is asked for was read from the file. */
function keyOffsetOf(root: Located, endOffset: number, section: string, name: string): number {
  return entriesOf(valueAt(root, section)).find(([key]) => key === name)?.[1].keyOffset ?? endOffset
}
