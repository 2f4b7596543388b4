/** What a configuration that was read again changes of a run: its hosts. All else stays as it was when the run began. */

import { quoteAll } from '../../core/text.ts'
import type { Config, HostConfig } from '../../model/config.ts'
import { type HostRoster, isReachedAlike, type PlacedHost } from './host-roster.ts'

/** Hosts by cluster. */
export type HostsByCluster = ReadonlyMap<string, readonly HostConfig[]>

export interface HostChanges {
  readonly added: readonly PlacedHost[]
  readonly removed: readonly PlacedHost[]
  /** Slots, labels or profiles. */
  readonly changed: readonly PlacedHost[]
  /** How it is reached, or what it does there. */
  readonly reopened: readonly PlacedHost[]
}

/** Enabled hosts before and after. Clusters that were not there before are no part of the run. */
export function findHostChanges(before: HostsByCluster, after: HostsByCluster): HostChanges {
  const changes = { added: [] as PlacedHost[], removed: [] as PlacedHost[], changed: [] as PlacedHost[], reopened: [] as PlacedHost[] }
  for (const [cluster, old] of before) {
    const now = after.get(cluster) ?? []
    for (const config of old) if (!now.some(({ name }) => name === config.name)) changes.removed.push({ cluster, config })
    for (const config of now) {
      const known = old.find(({ name }) => name === config.name)
      if (known === undefined) changes.added.push({ cluster, config })
      else if (!isReachedAlike(known, config)) changes.reopened.push({ cluster, config })
      else if (toComparable(known) !== toComparable(config)) changes.changed.push({ cluster, config })
    }
  }
  return changes
}

/** Those that come first: jobs that wait find a host at any moment. */
export function applyHostChanges(changes: HostChanges, roster: HostRoster): void {
  roster.add(changes.added)
  for (const { cluster, config } of changes.changed) roster.change(cluster, config)
  for (const { cluster, config } of changes.reopened) roster.reopen(cluster, config)
  for (const { cluster, config } of changes.removed) {
    roster.drain({ cluster, name: config.name }, 'It was taken out of the configuration, or disabled there')
  }
}

/** Undefined where there is nothing to tell. */
export function describeChanges(changes: HostChanges, hasOtherChanges: boolean): string | undefined {
  const parts = [
    describeHosts(changes.added, 'added'),
    describeHosts(changes.changed, 'changed'),
    describeHosts(changes.reopened, 'reopened'),
    describeHosts(changes.removed, 'removed'),
    ...(hasOtherChanges ? ['other changes take effect with the next run'] : []),
  ].filter((part) => part !== '')
  return parts.length === 0 ? undefined : parts.join('; ')
}

/** Profiles, rules, settings: all but hosts, and where things stand in the file. */
export function hasOtherChanges(before: Config, after: Config): boolean {
  const { clusters: _old, ...restBefore } = before
  const { clusters: _new, ...restAfter } = after
  return toComparable(restBefore) !== toComparable(restAfter)
}

function describeHosts(hosts: readonly PlacedHost[], what: string): string {
  if (hosts.length === 0) return ''
  return `${hosts.length === 1 ? 'host' : 'hosts'} ${quoteAll(hosts.map(({ config }) => config.name))} ${what}`
}

/** A line more above it changes no setting. */
function toComparable(value: object): string {
  return JSON.stringify(value, (key, part) => (key === 'place' || key === 'places' || key === 'warnings' ? undefined : part))
}
