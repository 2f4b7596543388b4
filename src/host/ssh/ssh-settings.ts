/**
 * How one machine is reached over SSH, everything decided: what the cluster file says of it, and for what that leaves out,
 * what the user's OpenSSH client configuration says (asked of `ssh -G`, or read by the parser here where no client is installed).
 */

import { platform, userInfo } from 'node:os'
import { join } from 'node:path'
import { parseSeconds } from '../../core/units.ts'
import type { HostConfig } from '../../model/config.ts'
import { askSshClient } from './ask-ssh-client.ts'
import type { ClientOptions } from './client-options.ts'
import { expandPath, expandTokens } from './expand-path.ts'
import { readSshConfig } from './read-ssh-config.ts'
import type { SshDestination, SshSurroundings } from './ssh-destination.ts'
import { type SystemFiles, toSystemFiles } from './system-files.ts'

export interface SshSettings {
  /** The name that was looked up: what a person would give to `ssh`. */
  readonly name: string
  readonly hostname: string
  readonly port: number
  readonly user: string
  /** Absolute; in the order they are tried. They need not exist. */
  readonly identityFiles: readonly string[]
  /** Named by the user: one that cannot be read is an error then, and it is offered before anything else. */
  readonly hasOwnIdentityFiles: boolean
  readonly identitiesOnly: boolean
  /** The agent's socket; undefined for none. */
  readonly agentSocket: string | undefined
  /** `[user@]host[:port]`, nearest first. */
  readonly proxyJump: readonly string[]
  readonly proxyCommand: string | undefined
  /** New keys are written to the first. */
  readonly userKnownHostsFiles: readonly string[]
  readonly globalKnownHostsFiles: readonly string[]
  readonly hostKeyAlias: string | undefined
  readonly acceptsNewHostKeys: boolean
  readonly writesKnownHosts: boolean
  readonly hashesKnownHosts: boolean
  readonly addressFamily: 0 | 4 | 6
  readonly connectTimeoutMs: number
  /** Silence after which the user's configuration gives a connection up; undefined where it never does, which is OpenSSH's default. */
  readonly silenceLimitSeconds: number | undefined
  /** As of `SshDestination`. */
  readonly isWindows?: boolean | undefined
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
/** Of OpenSSH, as ssh_config(5) has it. */
const DEFAULT_ALIVE_COUNT = 3
const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa']

export function toDestination(host: HostConfig): SshDestination {
  return {
    name: host.address ?? host.name,
    port: host.port,
    user: host.user,
    identityFile: host.identityFile,
    knownHosts: host.knownHosts,
    proxyJump: host.proxyJump,
    acceptsNewHostKeys: host.hostKeyCheck === undefined ? undefined : host.hostKeyCheck === 'accept-new',
    isWindows: host.os === 'windows' ? true : undefined,
  }
}

/** `[user@]host[:port]`, `ssh://[user@]host[:port]`, IPv6 addresses in brackets. */
export function parseJumpHop(hop: string): SshDestination {
  const match = /^(?:ssh:\/\/)?(?:(.*)@)?(\[[^\]]+\]|[^:]+|.*:.*:.*?)(?::(\d+))?\/?$/.exec(hop.trim())
  const name = match?.[2] ?? hop
  return {
    name: name.replace(/^\[(.*)\]$/, '$1'),
    ...(match?.[1] === undefined ? {} : { user: match[1] }),
    ...(match?.[3] === undefined ? {} : { port: Number(match[3]) }),
  }
}

/** Rejects with HOST_UNREACHABLE when the client's configuration cannot be read. */
export async function loadSshSettings(to: SshDestination, around: SshSurroundings, signal?: AbortSignal): Promise<SshSettings> {
  const localUser = readLocalUser()
  const files = toSystemFiles(platform(), around.env)
  const options =
    (await askSshClient(to, around, signal)) ??
    (await readSshConfig({ name: to.name, user: to.user, homeFolder: around.homeFolder, localUser, systemFile: files.configFile }))
  return toSettings(to, options, around, localUser, files)
}

function toSettings(
  to: SshDestination,
  options: ClientOptions,
  around: SshSurroundings,
  localUser: string,
  files: SystemFiles,
): SshSettings {
  const hostname = expandTokens(options.one('hostname') ?? to.name, { '%h': to.name })
  const port = to.port ?? Number(options.one('port') ?? 22)
  const user = to.user ?? options.one('user') ?? localUser
  const tokens = { '%h': hostname, '%n': to.name, '%p': String(port), '%r': user, '%u': localUser, '%d': around.homeFolder }
  const toPath = (path: string): string => expandPath(path, around, tokens)
  const toPaths = (name: string): readonly string[] | undefined => {
    const value = options.one(name)
    return value === undefined
      ? undefined
      : files
          .split(value)
          .filter((path) => path !== 'none')
          .map(toPath)
  }

  const configured = options.all('identityfile').filter((file) => file !== 'none')
  const identityFiles = to.identityFile === undefined ? configured : [to.identityFile]
  const defaults = DEFAULT_IDENTITIES.map((name) => join(around.homeFolder, '.ssh', name))
  const hasOwnIdentityFiles = to.identityFile !== undefined || (configured.length > 0 && !options.hasDefaultIdentities)
  const jump = to.proxyJump ?? options.one('proxyjump')
  const proxyJump = jump === undefined || jump === 'none' ? [] : jump.split(',').map((hop) => expandTokens(hop.trim(), tokens))
  const command = options.one('proxycommand')
  const seconds = Number(options.one('connecttimeout'))
  return {
    name: to.name,
    hostname,
    port,
    user,
    identityFiles: identityFiles.length === 0 ? defaults : identityFiles.map(toPath),
    hasOwnIdentityFiles,
    identitiesOnly: options.one('identitiesonly') === 'yes',
    agentSocket: selectAgent(options.one('identityagent'), around, toPath),
    proxyJump,
    proxyCommand:
      proxyJump.length > 0 || to.proxyJump !== undefined || command === 'none' ? undefined : command && expandTokens(command, tokens),
    userKnownHostsFiles:
      to.knownHosts !== undefined
        ? [toPath(to.knownHosts)]
        : (toPaths('userknownhostsfile') ?? [join(around.homeFolder, '.ssh', 'known_hosts')]),
    globalKnownHostsFiles: toPaths('globalknownhostsfile') ?? files.knownHostsFiles,
    hostKeyAlias: options.one('hostkeyalias'),
    // `no` would trust a changed key as well; that is never done here.
    acceptsNewHostKeys: to.acceptsNewHostKeys ?? ['accept-new', 'no', 'off', 'false'].includes(options.one('stricthostkeychecking') ?? ''),
    writesKnownHosts: around.writesKnownHosts ?? true,
    hashesKnownHosts: options.one('hashknownhosts') === 'yes',
    addressFamily: options.one('addressfamily') === 'inet' ? 4 : options.one('addressfamily') === 'inet6' ? 6 : 0,
    connectTimeoutMs: seconds > 0 ? seconds * 1000 : DEFAULT_CONNECT_TIMEOUT_MS,
    silenceLimitSeconds: toSilenceLimit(options),
    ...(to.isWindows === true ? { isWindows: true } : {}),
  }
}

function toSilenceLimit(options: ClientOptions): number | undefined {
  const everySeconds = parseSeconds(options.one('serveraliveinterval') ?? '') ?? 0
  const count = Number(options.one('serveralivecountmax') ?? DEFAULT_ALIVE_COUNT)
  return everySeconds > 0 && count > 0 ? everySeconds * count : undefined
}

/** The pipe of the service "OpenSSH Authentication Agent", which has no variable. */
const WINDOWS_AGENT = String.raw`\\.\pipe\openssh-ssh-agent`

function selectAgent(configured: string | undefined, around: SshSurroundings, toPath: (path: string) => string): string | undefined {
  if (configured === undefined || configured === 'SSH_AUTH_SOCK')
    return around.env.SSH_AUTH_SOCK || (platform() === 'win32' ? WINDOWS_AGENT : undefined)
  if (configured === 'none') return undefined
  if (configured.startsWith('$')) return around.env[configured.slice(1)] || undefined
  return toPath(configured)
}

function readLocalUser(): string {
  try {
    return userInfo().username
  } catch {
    return 'root' // a uid without a name, as in some containers
  }
}
