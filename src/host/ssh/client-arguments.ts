/**
 * Arguments for the system's OpenSSH client, so that it reaches the same machine as ssh2 does, or none. Everything is said here and no
 * configuration is read: the address, port, user and keys are those of the settings, nobody is ever asked anything,
 * and of all host keys only the one is taken that a connection of ours has been shown and has checked.
 */

import { readKeyType } from './known-hosts.ts'
import type { SshSettings } from './ssh-settings.ts'

export interface ClientPlace {
  readonly settings: SshSettings
  readonly hostKey: Buffer
  readonly keepaliveSeconds: number
  readonly keepalivesUnanswered: number
}

/** For the command line of the client; undefined with the reason where a setting cannot be carried over as it is. */
export type ClientArguments = { readonly argv: readonly string[] } | { readonly unfit: string }

/** What ssh2 can sign with. A key on a token would want to be touched for each file. */
const SIGNATURES = 'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256'
/** Values are read as a configuration line is, with quotes, `%` and `${}`: what could mean something there is left to ssh2. */
const PLAIN = /^[\p{L}\p{N}@+=:,./_-]+$/u
/** Stands for the host where its key is looked up. */
const ALIAS = 'encode-host'

export function toClientArguments({ settings, hostKey, keepaliveSeconds, keepalivesUnanswered }: ClientPlace): ClientArguments {
  if (settings.proxyJump.length > 0 || settings.proxyCommand !== undefined) return { unfit: 'it is reached through another host' }
  const { hostname, port, user, agentSocket } = settings
  const values = [hostname, user, ...settings.identityFiles, ...(agentSocket === undefined ? [] : [agentSocket])]
  const odd = values.find((value) => !PLAIN.test(value))
  if (odd !== undefined) return { unfit: `"${odd}" cannot be handed to it as it is` }
  const type = readKeyType(hostKey)
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    `KnownHostsCommand=/bin/echo ${ALIAS} ${type} ${hostKey.toString('base64')}`,
    `HostKeyAlias=${ALIAS}`,
    `HostKeyAlgorithms=${type === 'ssh-rsa' ? 'rsa-sha2-512,rsa-sha2-256' : type}`,
    'UpdateHostKeys=no',
    'CheckHostIP=no',
    'VerifyHostKeyDNS=no',
    'PreferredAuthentications=publickey',
    `PubkeyAcceptedAlgorithms=${SIGNATURES}`,
    `IdentityAgent=${agentSocket ?? 'none'}`,
    `IdentitiesOnly=${settings.identitiesOnly ? 'yes' : 'no'}`,
    ...settings.identityFiles.map((file) => `IdentityFile=${file}`),
    'AddKeysToAgent=no',
    'Ciphers=^aes128-gcm@openssh.com',
    'Compression=no',
    `AddressFamily=${settings.addressFamily === 4 ? 'inet' : settings.addressFamily === 6 ? 'inet6' : 'any'}`,
    `ConnectTimeout=${Math.ceil(settings.connectTimeoutMs / 1000)}`,
    'ConnectionAttempts=1',
    `ServerAliveInterval=${Math.ceil(keepaliveSeconds)}`,
    `ServerAliveCountMax=${keepalivesUnanswered}`,
    'ControlMaster=no',
    'ControlPath=none',
    'ClearAllForwardings=yes',
    'EscapeChar=none',
    'LogLevel=INFO',
  ]
  return {
    argv: ['-F', 'none', '-a', '-x', '-T', ...options.flatMap((option) => ['-o', option]), '-p', String(port), '-l', user, '--', hostname],
  }
}
