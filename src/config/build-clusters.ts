/** `config.clusters` and `queues` → hosts. Reads tolerantly: what the schema refused is reported there and left out here. */

import { parseBytes, parseRate } from '../core/units.ts'
import type { ClusterConfig, HostConfig, HostKeyCheck, HostOs, HostType, PathSubstitution } from '../model/config.ts'
import { quote } from './describe.ts'
import {
  booleanOf,
  entriesOf,
  entriesOfEach,
  type Findings,
  type Located,
  type LocatedEntry,
  numberOf,
  plainWordsOf,
  textOf,
  valueAt,
} from './located.ts'
import type { SourceText } from './report.ts'
import { splitSubstitution } from './split-substitution.ts'

/** What a value of this shape begins like cannot be taken for an option by ssh. */
const SSH_WORD = /^[^\s-]\S*$/

export type ExpandPath = (path: string | undefined) => string | undefined

/** The path substitutions of a host as written, under their old name too. */
export function substitutionsOf(host: Located | undefined): readonly Located[] {
  const written = valueAt(host, 'path-substitutions') ?? valueAt(host, 'path-substitution')
  if (written === undefined) return []
  return written.kind === 'list' ? written.items : [written]
}

interface Context {
  readonly source: SourceText
  readonly findings: Findings
  readonly expandPath: ExpandPath
  /** Of section `config`. */
  readonly keepaliveSeconds: number | undefined
  readonly checksum: boolean | undefined
  readonly prefetch: number | undefined
}

export function buildClusters(clusters: Located | undefined, context: Context): readonly ClusterConfig[] {
  return entriesOf(clusters).map(([name, cluster]) => ({
    name,
    hosts: entriesOf(cluster.value).map(([host, entry]) => buildHost(host, entry, context)),
  }))
}

/** Slots by queue; a queue of no slots is none. Undefined where none are given. */
export function buildQueues(node: Located | undefined): Readonly<Record<string, number>> | undefined {
  const entries = entriesOfEach(node)
  if (entries.length === 0) return undefined
  const slots = entries.map(([name, entry]) => [name, numberOf(entry.value) ?? 0] as const)
  return Object.fromEntries(slots.filter(([, count]) => count > 0))
}

/** `queues: auto` */
export function isAuto(queues: Located | undefined): true | undefined {
  return textOf(queues) === 'auto' ? true : undefined
}

/** Bytes a second of `20M`; a limit of nothing is none. */
export function buildRate(node: Located | undefined): number | undefined {
  const text = textOf(node)
  return text === undefined ? undefined : parseRate(text) || undefined
}

/** Bytes of `500MB`. */
export function buildSize(node: Located | undefined): number | undefined {
  const text = textOf(node)
  return text === undefined ? undefined : parseBytes(text)
}

function buildHost(name: string, entry: LocatedEntry, context: Context): HostConfig {
  const { source, expandPath } = context
  const node = entry.value
  const text = (key: string) => textOf(valueAt(node, key))
  const pathSubstitutions = buildSubstitutions(node, context)
  const address = text('address') ?? text('ip')
  const type = buildType(text('type'), pathSubstitutions)
  checkAddress(name, entry, type, context)
  return {
    name,
    type,
    isEnabled: text('status') !== 'disabled',
    address,
    port: numberOf(valueAt(node, 'port')),
    user: text('user'),
    identityFile: expandPath(text('identity_file')),
    knownHosts: expandPath(text('known_hosts')),
    hostKeyCheck: text('host_key_check') as HostKeyCheck | undefined,
    proxyJump: text('proxy_jump'),
    os: buildOs(text('os')),
    ffmpeg: text('ffmpeg'),
    ffprobe: text('ffprobe'),
    workingDir: text('working_dir'),
    pathSubstitutions,
    profiles: buildAllowed(node, source),
    queues: nonEmpty(buildQueues(valueAt(node, 'queues'))),
    hasAutoQueues: isAuto(valueAt(node, 'queues')),
    maxJobs: numberOf(valueAt(node, 'max_jobs')),
    minFreeBytes: buildSize(valueAt(node, 'min_free')),
    prefetch: numberOf(valueAt(node, 'prefetch')) ?? context.prefetch,
    rateLimitBytes: buildRate(valueAt(node, 'rate_limit')),
    keepaliveSeconds: numberOf(valueAt(node, 'keepalive')) ?? context.keepaliveSeconds,
    checksum: booleanOf(valueAt(node, 'checksum')) ?? context.checksum,
    labels: plainWordsOf(valueAt(node, 'labels'), source.text),
    env: Object.fromEntries(entriesOf(valueAt(node, 'env')).map(([key, value]) => [key, textOf(value.value) ?? ''])),
    nice: buildNice(valueAt(node, 'nice')),
    place: source.placeOf(entry.keyOffset),
  }
}

/** The old agent took files over the network, as a streaming host does over SSH. */
function buildType(type: string | undefined, pathSubstitutions: readonly PathSubstitution[]): HostType {
  if (type === 'mounted' || type === 'local') return type
  if (type === undefined) return pathSubstitutions.length > 0 ? 'mounted' : 'streaming'
  return 'streaming'
}

function buildOs(os: string | undefined): HostOs | undefined {
  return os === 'win10' ? 'windows' : (os as HostOs | undefined)
}

function buildNice(node: Located | undefined): number | undefined {
  const isNiced = booleanOf(node)
  return isNiced === undefined ? numberOf(node) : isNiced ? 10 : 0
}

function nonEmpty(queues: Readonly<Record<string, number>> | undefined): Readonly<Record<string, number>> {
  return queues === undefined || Object.keys(queues).length === 0 ? { _default: 1 } : queues
}

/** Undefined = everything; a list that is written but empty counts as left out. */
function buildAllowed(node: Located, source: SourceText): readonly string[] | undefined {
  const words = ['profiles', 'templates', 'profile'].flatMap((key) => plainWordsOf(valueAt(node, key), source.text))
  return words.length === 0 ? undefined : words
}

function checkAddress(name: string, entry: LocatedEntry, type: HostType, { findings, source }: Context): void {
  const address = valueAt(entry.value, 'address')
  const ip = valueAt(entry.value, 'ip')
  if (address !== undefined && ip !== undefined && textOf(address) !== textOf(ip)) {
    const line = source.placeOf(address.offset).line
    const message = `"ip" of host ${quote(name)} is ${quote(textOf(ip) ?? '')}, but "address" in line ${line} is ${quote(textOf(address) ?? '')}; they mean the same, give one`
    findings.problems.push({ offset: ip.offset, message })
  }
  if (type === 'local' || address !== undefined || ip !== undefined || SSH_WORD.test(name)) return
  const message = `Host ${quote(name)} has no "address", and its name cannot serve as one: that is a word without spaces that does not begin with "-"`
  findings.problems.push({ offset: entry.keyOffset, message })
}

function buildSubstitutions(host: Located, { findings, expandPath }: Context): readonly PathSubstitution[] {
  return substitutionsOf(host).flatMap((item) => {
    const pair = toPair(item)
    if (pair === undefined) {
      if (isWellFormed(item)) {
        const found = item.kind === 'scalar' ? quote(textOf(item) ?? '') : 'one'
        const message = `A path substitution has two parts, the folder here and the folder on the host, found ${found}; write ["/controller/path/", "/host/path/"]`
        findings.problems.push({ offset: item.offset, message })
      }
      return []
    }
    return [{ from: expandPath(pair.from) ?? pair.from, to: pair.to }]
  })
}

/** False where the schema has already told what is wrong. */
function isWellFormed(item: Located): boolean {
  if (item.kind === 'map') return [...item.entries.keys()].every((key) => ['from', 'to', 'src', 'dest'].includes(key))
  return textOf(item) !== undefined && textOf(item) !== ''
}

function toPair(item: Located): PathSubstitution | undefined {
  if (item.kind === 'scalar') return splitSubstitution(textOf(item) ?? '')
  const [from, to] =
    item.kind === 'list'
      ? [textOf(item.items[0]), textOf(item.items[1])]
      : [textOf(valueAt(item, 'from') ?? valueAt(item, 'src')), textOf(valueAt(item, 'to') ?? valueAt(item, 'dest'))]
  return from === undefined || to === undefined ? undefined : { from, to }
}
