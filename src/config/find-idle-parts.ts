/**
 * What stands in a configuration and can have no effect: rules behind a rule that takes all of theirs, profiles that no host takes,
 * queues that no profile runs in, path substitutions of folders that are not here. Each is a warning, since the file works without.
 */

import type { HostConfig, PathSubstitution } from '../model/config.ts'
import { substitutionsOf } from './build-clusters.ts'
import { listNames, quote } from './describe.ts'
import { findShadowedRules } from './find-shadowed-rules.ts'
import { inheritedValue } from './inherited-value.ts'
import { type EntryOf, entriesOf, type Finding, type Located, valueAt } from './located.ts'
import type { ExaminedConfig } from './parse-config.ts'

export interface IdleOptions {
  /** Whether there is such a file or folder on this machine. */
  readonly isHere: (path: string) => Promise<boolean>
}

const DEFAULT_QUEUE = '_default'

/** @param examined a file without problems. */
export async function findIdleParts(examined: ExaminedConfig, options: IdleOptions): Promise<readonly Finding[]> {
  return [
    ...findIdleRules(examined),
    ...findIdleProfiles(examined),
    ...findIdleQueues(examined),
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

interface Recipe {
  readonly kind: 'Profile' | 'Template'
  readonly name: string
  readonly queue: string
  readonly isShipped: boolean
}

/** What jobs can run with: templates, and profiles that are no fragments. A template hides a profile of its name. */
function listRecipes({ config }: ExaminedConfig): readonly Recipe[] {
  const templates = config.templates.map(
    ({ name, queue }): Recipe => ({ kind: 'Template', name, queue: queue ?? DEFAULT_QUEUE, isShipped: false }),
  )
  const profiles = config.profiles
    .filter(({ name }) => !templates.some((template) => template.name === name))
    .filter(({ name }) => inheritedValue(config.profiles, name, 'extension') !== undefined)
    .map(
      ({ name, isShipped }): Recipe => ({
        kind: 'Profile',
        name,
        queue: inheritedValue(config.profiles, name, 'queue') ?? DEFAULT_QUEUE,
        isShipped,
      }),
    )
  return [...templates, ...profiles]
}

/** Shipped profiles stay out of it: nobody asked for them. So does what is there to be included, unless a rule names it. */
function findIdleProfiles(examined: ExaminedConfig): readonly Finding[] {
  const { config, root, source } = examined
  const hosts = config.clusters.flatMap((cluster) => cluster.hosts)
  const isBase = (name: string): boolean =>
    config.profiles.some(({ include }) => include.includes(name)) && !config.rules.some(({ profile }) => profile === name)
  return listRecipes(examined)
    .filter(({ name, isShipped }) => !isShipped && !isBase(name))
    .flatMap((recipe) => {
      const message = hosts.length === 0 ? describeNoSlots(recipe, config.queues) : describeNoHost(recipe, hosts, config.queues)
      const section = recipe.kind === 'Profile' ? 'profiles' : 'templates'
      return message === undefined ? [] : [{ offset: keyOffsetOf(root, source.text.length, section, recipe.name), message }]
    })
}

/** Without clusters, all runs on this machine. */
function describeNoSlots({ kind, name, queue }: Recipe, queues: HostConfig['queues']): string | undefined {
  if (hasQueue(queues, queue)) return undefined
  return `${kind} ${quote(name)} runs in queue ${quote(queue)}, which this machine does not have; its queues are ${listNames(Object.keys(queues), 'and')}`
}

function describeNoHost(recipe: Recipe, hosts: readonly HostConfig[], ownQueues: HostConfig['queues']): string | undefined {
  const { kind, name, queue } = recipe
  const isListed = ({ profiles }: HostConfig): boolean => profiles === undefined || profiles.includes(name)
  const able = hosts.filter((host) => isListed(host) && hasQueue(host.queues, queue))
  if (able.some((host) => host.isEnabled)) return undefined
  const who = `No host takes ${kind.toLowerCase()} ${quote(name)}`
  const rest = hasQueue(ownQueues, queue) ? '; only this machine does, without -c' : ''
  if (able.length > 0) return `${who}: ${listNames(able.map((host) => host.name))}, which could, is disabled${rest}`
  const listed = hosts.filter(isListed)
  if (listed.length === 0) return `${who}: each has a list of profiles without it${rest}`
  if (!hosts.some((host) => hasQueue(host.queues, queue))) return `${who}: it runs in queue ${quote(queue)}, which none has${rest}`
  return `${who}: it runs in queue ${quote(queue)}, which none of those that list it has (${listNames(
    listed.map((host) => host.name),
    'and',
  )})${rest}`
}

/** Queues that are written down; each host's are held against the profiles that it takes. */
function findIdleQueues(examined: ExaminedConfig): readonly Finding[] {
  const { config, root } = examined
  const recipes = listRecipes(examined)
  const uses = (queue: string, taken: readonly string[] | undefined): boolean =>
    recipes.some((recipe) => recipe.queue === queue && (taken === undefined || taken.includes(recipe.name)))
  const clusters = config.clusters.flatMap(({ name: cluster, hosts }) =>
    hosts.flatMap(({ name, profiles }) =>
      queueEntries(valueAt(root, 'config', 'clusters', cluster, name, 'queues'))
        .filter(([queue]) => !uses(queue, profiles))
        .map(([queue, { keyOffset }]) => {
          const why = profiles === undefined ? 'no profile runs in it' : 'no profile that the host takes runs in it'
          return { offset: keyOffset, message: `Nobody uses the queue ${quote(queue)} of host ${quote(name)}: ${why}` }
        }),
    ),
  )
  const own = queueEntries(valueAt(root, 'config', 'queues'))
    .filter(([queue]) => !uses(queue, undefined))
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

function hasQueue(queues: HostConfig['queues'], queue: string): boolean {
  return (queues[queue] ?? 0) > 0
}

function queueEntries(node: Located | undefined): readonly EntryOf[] {
  return node?.kind === 'list' ? node.items.flatMap(entriesOf) : entriesOf(node)
}

/** Every name that is asked for was read from the file. */
function keyOffsetOf(root: Located, endOffset: number, section: string, name: string): number {
  return entriesOf(valueAt(root, section)).find(([key]) => key === name)?.[1].keyOffset ?? endOffset
}
