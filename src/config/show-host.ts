/** One host to be shown: what the file says, what its defaults are, and what OpenSSH's configuration adds. */

import type { HostConfig } from '../model/config.ts'
import { schemaOfKey } from './fit-values.ts'
import { entriesOf, entriesOfEach, type Located, type LocatedEntry, valueAt } from './located.ts'
import type { Schema } from './schema/json-schema.ts'
import { CONFIG_SCHEMA } from './schema.ts'
import { DEFAULT, HIDDEN, toMap, type Walk, walkMap, withoutPassword } from './show-values.ts'
import type { Origin, Shown, ShownEntry } from './shown-tree.ts'

/** What the OpenSSH configuration says of a host. */
export type SshFacts =
  | {
      readonly hostname: string
      readonly port: number
      readonly user: string
      readonly identityFiles: readonly string[]
      /** False for OpenSSH's own list, named by nobody. */
      readonly hasOwnIdentityFiles: boolean
      readonly proxyJump: readonly string[]
      readonly acceptsNewHostKeys: boolean
    }
  | { readonly problem: string }

const SSH: Origin = { kind: 'ssh' }
const SECRET_NAME = /pass|secret|token|key|credential|auth/i

/** @param fallback origin of queues that are not written as such. */
export function showQueues(queues: HostConfig['queues'], node: Located | undefined, walk: Walk, fallback: Origin): Shown {
  if (node?.kind === 'scalar') return { kind: 'value', value: node.value ?? '', origin: walk.originAt(node.offset) }
  const written = new Map<string, LocatedEntry>(entriesOfEach(node))
  return toMap(
    Object.entries(queues).map(([queue, slots]) => {
      const entry = written.get(queue)
      return [queue, { kind: 'value', value: slots, origin: entry === undefined ? fallback : walk.originAt(entry.keyOffset) }]
    }),
  )
}

export function showHost(host: HostConfig, { value: node }: LocatedEntry, ssh: SshFacts | undefined, walk: Walk): readonly ShownEntry[] {
  const placeOf = (...keys: readonly string[]): Origin | undefined => {
    const entry = entriesOf(node).find(([key]) => keys.includes(key))
    return entry === undefined ? undefined : walk.originAt(entry[1].keyOffset)
  }
  const value = (key: string, content: string | number | undefined, origin: Origin | undefined): readonly ShownEntry[] =>
    content === undefined || origin === undefined ? [] : [[key, { kind: 'value', value: content, origin }]]
  const handled = ['type', 'os', 'ip', 'address', 'port', 'user', 'identity_file', 'proxy_jump', 'host_key_check', 'known_hosts']
  const apart = [...handled, 'path-substitutions', 'queues', 'env', 'profiles', 'templates']
  const rest = walkMap(node, hostSchema(), walk).filter(([key]) => !apart.includes(key))
  return [
    ...value('type', host.type, placeOf('type') ?? DEFAULT),
    ...value('os', host.os, placeOf('os')),
    ...(host.type === 'local' ? [] : showAccess(host, ssh, placeOf, value)),
    ...value('known_hosts', host.knownHosts, placeOf('known_hosts')),
    ...rest,
    ...showSubstitutions(host, placeOf, node, walk),
    ...showAllowed(host, placeOf),
    ['queues', showQueues(host.queues, valueAt(node, 'queues'), walk, DEFAULT)],
    ...showEnv(host, node, walk),
  ]
}

type PlaceOf = (...keys: readonly string[]) => Origin | undefined
type ToValue = (key: string, content: string | number | undefined, origin: Origin | undefined) => readonly ShownEntry[]

/** How it is reached: what the file says wins, the rest is OpenSSH's. */
function showAccess(host: HostConfig, ssh: SshFacts | undefined, placeOf: PlaceOf, value: ToValue): readonly ShownEntry[] {
  const facts = ssh === undefined || 'problem' in ssh ? undefined : ssh
  const address = host.address ?? host.name
  const detail = facts === undefined || facts.hostname === address ? undefined : `SSH: ${facts.hostname}`
  const problem: readonly ShownEntry[] =
    ssh !== undefined && 'problem' in ssh ? [['', { kind: 'remark', text: ssh.problem, origin: SSH }]] : []
  const isKeyGiven = host.identityFile !== undefined
  const files = facts === undefined || isKeyGiven ? [] : facts.identityFiles
  const [first, ...more] = facts?.hasOwnIdentityFiles === true ? files : []
  const remark = (text: string): ShownEntry => ['', { kind: 'remark', text, origin: SSH }]
  return [
    ...value('address', address, { ...(placeOf('address', 'ip') ?? DEFAULT), detail }),
    ...value('port', host.port ?? facts?.port, placeOf('port') ?? SSH),
    ...value('user', host.user ?? facts?.user, placeOf('user') ?? SSH),
    ...value('identity_file', host.identityFile ?? first, placeOf('identity_file') ?? SSH),
    ...more.map((file) => remark(`then ${file}`)),
    ...(files.length > 0 && first === undefined ? [remark("identity_file: OpenSSH's usual keys")] : []),
    ...value('proxy_jump', host.proxyJump ?? (facts?.proxyJump.join(',') || undefined), placeOf('proxy_jump') ?? SSH),
    ...value(
      'host_key_check',
      host.hostKeyCheck ?? (facts?.acceptsNewHostKeys === true ? 'accept-new' : 'strict'),
      placeOf('host_key_check') ?? (facts?.acceptsNewHostKeys === true ? SSH : DEFAULT),
    ),
    ...problem,
  ]
}

function showSubstitutions(host: HostConfig, placeOf: PlaceOf, node: Located, walk: Walk): readonly ShownEntry[] {
  const origin = placeOf('path-substitutions', 'path-substitution')
  if (origin === undefined || host.pathSubstitutions.length === 0) return []
  const written = valueAt(node, 'path-substitutions') ?? valueAt(node, 'path-substitution')
  const items = host.pathSubstitutions.map(({ from, to }, index): Shown => {
    const item = written?.kind === 'list' ? written.items[index] : written
    return { kind: 'value', value: [from, to], origin: item === undefined ? origin : walk.originAt(item.offset) }
  })
  return [['path-substitutions', { kind: 'list', items, origin }]]
}

/** Templates and the old `profile` are one list with the profiles. */
function showAllowed({ profiles }: HostConfig, placeOf: PlaceOf): readonly ShownEntry[] {
  const origin = placeOf('profiles', 'templates', 'profile')
  return profiles === undefined || origin === undefined ? [] : [['profiles', { kind: 'value', value: profiles, origin }]]
}

function showEnv(host: HostConfig, node: Located, walk: Walk): readonly ShownEntry[] {
  const entries = entriesOf(valueAt(node, 'env')).map(([name, { keyOffset }]): ShownEntry => {
    const isSecret = SECRET_NAME.test(name)
    const origin: Origin = { ...walk.originAt(keyOffset), detail: isSecret ? 'hidden' : undefined }
    return [name, { kind: 'value', value: isSecret ? HIDDEN : withoutPassword(host.env[name] ?? ''), origin }]
  })
  return entries.length === 0 ? [] : [['env', toMap(entries)]]
}

function hostSchema(): Schema {
  const clusters = schemaOfKey(schemaOfKey(CONFIG_SCHEMA, 'config') ?? {}, 'clusters') ?? {}
  const anyHost = schemaOfKey(schemaOfKey(clusters, '') ?? {}, '')
  return anyHost ?? {}
}
