/**
 * The effective configuration with where each value comes from: the file, its defaults, the shipped profiles, and for hosts what the
 * user's OpenSSH configuration adds. Old forms of pytranscoder stand in their new ones; what has no effect is left out; what may be
 * secret is hidden.
 */

import type { HostConfig } from '../model/config.ts'
import { criteriaOf, toCriterion } from './build-profiles.ts'
import { schemaOfKey } from './fit-values.ts'
import { type EntryOf, entriesOf, type LocatedEntry, textOf, valueAt } from './located.ts'
import type { ExaminedConfig } from './parse-config.ts'
import type { Schema } from './schema/json-schema.ts'
import { CONFIG_SCHEMA } from './schema.ts'
import { type SshFacts, showHost, showQueues } from './show-host.ts'
import { createWalk, DEFAULT, toMap, type Walk, walkMap } from './show-values.ts'
import type { Shown, ShownEntry } from './shown-tree.ts'

export interface ShowOptions {
  /** Files of shipped profiles. */
  readonly shipped: readonly Pick<ExaminedConfig, 'source' | 'root'>[]
  /** Undefined: nothing is known, as of disabled and local hosts. */
  readonly sshOf: (host: HostConfig) => SshFacts | undefined
  /** All shipped profiles; else those that the file uses. */
  readonly showsAllShipped: boolean
}

export function showConfig(examined: ExaminedConfig, options: ShowOptions): readonly ShownEntry[] {
  const { root } = examined
  const walk = createWalk(examined.source, 'file')
  const section = (key: string): Schema => schemaOfKey(CONFIG_SCHEMA, key) ?? {}
  const used = listUsedProfiles(examined)
  const own = new Set(
    [...examined.config.profiles.filter(({ isShipped }) => !isShipped), ...examined.config.templates].map(({ name }) => name),
  )
  const shipped = options.shipped.flatMap((file) =>
    walkMap(valueAt(file.root, 'profiles'), section('profiles'), createWalk(file.source, 'shipped')).filter(
      ([name]) => !own.has(name) && (options.showsAllShipped || used.has(name)),
    ),
  )
  const profiles = [...shipped, ...walkMap(valueAt(root, 'profiles'), section('profiles'), walk)]
  const templates = walkMap(valueAt(root, 'templates'), section('templates'), walk)
  const rules = entriesOf(valueAt(root, 'rules')).map(([name, entry]): ShownEntry => [name, showRule(entry, walk)])
  return [
    ['config', toMap(showSection(examined, options, walk))],
    ...(profiles.length === 0 ? [] : ([['profiles', toMap(profiles)]] as const)),
    ...(templates.length === 0 ? [] : ([['templates', toMap(templates)]] as const)),
    ...(rules.length === 0 ? [] : ([['rules', toMap(rules)]] as const)),
  ]
}

function showSection({ config, root }: ExaminedConfig, options: ShowOptions, walk: Walk): readonly ShownEntry[] {
  const node = valueAt(root, 'config')
  const schema = schemaOfKey(CONFIG_SCHEMA, 'config') ?? {}
  const paths: Readonly<Record<string, string | undefined>> = {
    default_queue_file: config.defaultQueueFile,
    ffmpeg: config.ffmpeg,
    ffprobe: config.ffprobe,
    ssh: config.ssh,
    fls_path: config.flsPath,
  }
  const written = walkMap(node, schema, walk)
    .filter(([key]) => key !== 'queues' && key !== 'clusters')
    .map(([key, shown]): ShownEntry => [key, shown.kind === 'value' && paths[key] !== undefined ? { ...shown, value: paths[key] } : shown])
  const jobs = entriesOf(node).find(([key]) => key === 'concurrent_jobs')?.[1]
  const clusters = entriesOf(valueAt(node, 'clusters')).map(([name, cluster]): ShownEntry => {
    const hosts = config.clusters.find((candidate) => candidate.name === name)?.hosts ?? []
    const shown = entriesOf(cluster.value).flatMap(([hostName, entry]): readonly ShownEntry[] => {
      const host = hosts.find((candidate) => candidate.name === hostName)
      return host === undefined ? [] : [[hostName, toMap(showHost(host, entry, options.sshOf(host), walk))]]
    })
    return [name, toMap(shown)]
  })
  return [
    ...written,
    ...(written.some(([key]) => key === 'automap')
      ? []
      : [['automap', { kind: 'value', value: config.automap, origin: DEFAULT }] as const]),
    ['queues', showQueues(config.queues, valueAt(node, 'queues'), walk, jobs === undefined ? DEFAULT : walk.originAt(jobs.keyOffset))],
    ...(clusters.length === 0 ? [] : ([['clusters', toMap(clusters)]] as const)),
  ]
}

function showRule({ value }: LocatedEntry, walk: Walk): Shown {
  const text = (key: string, [, entry]: EntryOf): ShownEntry => [
    key,
    { kind: 'value', value: textOf(entry.value) ?? '', origin: walk.originAt(entry.keyOffset) },
  ]
  const criteria = criteriaOf(value).map((entry) => text(toCriterion(entry[0]), entry))
  const isOneMap = new Set(criteria.map(([key]) => key)).size === criteria.length
  const shown: Shown = isOneMap ? toMap(criteria) : { kind: 'list', items: criteria.map((entry) => toMap([entry])), origin: DEFAULT }
  return toMap([
    ...entriesOf(value)
      .filter(([key]) => key === 'profile')
      .map((entry) => text('profile', entry)),
    ...(criteria.length === 0 ? [] : ([['criteria', shown]] as const)),
  ])
}

/** Named by a rule, a host or an include, or included by such. */
function listUsedProfiles({ config }: ExaminedConfig): ReadonlySet<string> {
  const used = new Set<string>()
  const use = (name: string): void => {
    if (used.has(name)) return
    used.add(name)
    for (const parent of config.profiles.find((profile) => profile.name === name)?.include ?? []) use(parent)
  }
  for (const { name, isShipped } of config.profiles) if (!isShipped) use(name)
  for (const { profile } of config.rules) use(profile)
  for (const { hosts } of config.clusters) for (const { profiles } of hosts) profiles?.forEach(use)
  return used
}
