/** What went wrong while connecting, as ssh2 and the system say it → one expected error that says what to do. */

import { EncodeError } from '../../core/errors.ts'
import { quoteAll, toPlainLine } from '../../core/text.ts'
import type { Identities } from './identities.ts'
import type { SshSettings } from './ssh-settings.ts'
import { isMicrosoftServer, toWindowsCure, WINDOWS_KEY_CURE } from './windows-cures.ts'

export interface AuthAttempts {
  readonly offered: readonly string[]
  /** What the server would still take: `publickey`, `password`. Undefined before its first answer. */
  readonly methodsLeft: readonly string[] | undefined
  /** A key was accepted, but the server wants more. */
  readonly isPartial: boolean
}

const SOCKET_ERRORS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: ['refuses connections', 'Start its SSH server, or correct "port"'],
  ETIMEDOUT: ['does not answer', 'Is it switched on, and does a firewall let SSH through?'],
  EHOSTUNREACH: ['cannot be reached: no route to it', 'Is it switched on and in this network?'],
  EHOSTDOWN: ['cannot be reached: it is down', 'Is it switched on and in this network?'],
  ENETUNREACH: ['cannot be reached: there is no network to it', 'Check the network of this machine'],
  ENOTFOUND: ['is no name that can be resolved', 'Correct "address", or give it a HostName in ~/.ssh/config'],
  EAI_AGAIN: ['cannot be resolved now: the name server does not answer', 'Check the network of this machine, or give its IP as "address"'],
  ECONNRESET: ['closed the connection at once', 'Its SSH server may be overloaded or may not admit this machine; look into its log'],
  EPIPE: ['closed the connection at once', 'Its SSH server may be overloaded or may not admit this machine; look into its log'],
  EACCES: ['cannot be reached: this machine forbids the connection', 'Check the firewall of this machine'],
  EPERM: ['cannot be reached: this machine forbids the connection', 'Check the firewall of this machine'],
}

/** `nas (nas.lan:2222)`, quoted. */
export function describePlace(settings: SshSettings): string {
  const place = settings.hostname.includes(':') ? `[${settings.hostname}]:${settings.port}` : `${settings.hostname}:${settings.port}`
  return settings.name === settings.hostname ? `"${place}"` : `"${settings.name}" (${place})`
}

export function toSocketError(error: Error, settings: SshSettings): EncodeError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const [what, hint] = SOCKET_ERRORS[code] ?? [`cannot be reached: ${toPlainLine(error.message)}`, 'Try it with the ssh command']
  return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} ${what}`, {
    hint: toWindowsCure(settings, code) ?? hint,
    cause: error,
  })
}

export function toTimeoutError(settings: SshSettings, stage: 'connection' | 'handshake'): EncodeError {
  const seconds = settings.connectTimeoutMs / 1000
  const what = stage === 'connection' ? 'does not answer' : 'accepts the connection but does not complete the SSH handshake'
  return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} ${what} within ${seconds} s`, {
    hint:
      stage === 'connection'
        ? (toWindowsCure(settings, 'ETIMEDOUT') ?? 'Is it switched on, and does a firewall let SSH through?')
        : 'Is this port really an SSH server, and is it overloaded?',
  })
}

/** Something listens there and talks, but not SSH. */
export function toStrangerError(settings: SshSettings, firstBytes: string): EncodeError {
  return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} is no SSH server: it says "${toPlainLine(firstBytes, 60)}"`, {
    hint: 'Correct "address" or "port"',
  })
}

export interface HandshakeParties {
  readonly settings: SshSettings
  readonly attempts: AuthAttempts
  readonly identities: Identities
  /** The first bytes of the server. */
  readonly banner: string
}

/** ssh2's error before the connection was ready. */
export function toHandshakeError(error: Error, parties: HandshakeParties): EncodeError {
  const { settings, attempts } = parties
  if (error instanceof EncodeError) return error
  const level = (error as { level?: string }).level
  const text = toPlainLine(error.message)
  if (/too many authentication failures/i.test(text)) return tooManyKeysError(settings, attempts)
  if (level === 'client-authentication') return refusedKeysError(parties)
  if (level === 'client-socket') return toSocketError(error, settings)
  if (/lost before handshake/i.test(text)) {
    return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} closed the connection before it said it is an SSH server`, {
      hint: 'Its SSH server may be overloaded (MaxStartups) or may not admit this machine; look into its log',
      cause: error,
    })
  }
  if (/no matching/i.test(text)) {
    return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} shares no encryption with this program: ${text}`, {
      hint: 'Update its SSH server',
      cause: error,
    })
  }
  return new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} ended the SSH handshake: ${text}`, {
    hint: 'Look into the log of its SSH server',
    cause: error,
  })
}

function refusedKeysError({ settings, attempts, identities, banner }: HandshakeParties): EncodeError {
  const who = `${describePlace(settings)} does not let "${settings.user}" in`
  const locked = identities.locked()
  const complaints = identities.complaints.map((complaint) => `; ${complaint}`).join('')
  if (locked.length > 0) {
    const keys = quoteAll(locked)
    return new EncodeError('HOST_AUTH_FAILED', `${who}: the key ${keys} is encrypted and not in the agent${complaints}`, {
      hint: `Add it to the agent with "ssh-add ${locked[0]}"`,
    })
  }
  if (attempts.isPartial) {
    return new EncodeError('HOST_AUTH_FAILED', `${who}: it took a key but wants more: ${(attempts.methodsLeft ?? []).join(', ')}`, {
      hint: 'Let this user in with a key alone',
    })
  }
  if (attempts.methodsLeft !== undefined && !attempts.methodsLeft.includes('publickey')) {
    return new EncodeError('HOST_AUTH_FAILED', `${who} with a key; it takes ${attempts.methodsLeft.join(', ')} only`, {
      hint: 'Allow public keys in its sshd_config (PubkeyAuthentication yes)',
    })
  }
  if (attempts.offered.length === 0) {
    return new EncodeError('HOST_AUTH_FAILED', `${who}: there is no key to offer${complaints}`, {
      hint: 'Make one with "ssh-keygen", or name one with "identity_file"',
    })
  }
  return new EncodeError('HOST_AUTH_FAILED', `${who} with any of the keys offered: ${attempts.offered.join(', ')}${complaints}`, {
    hint: isMicrosoftServer(banner)
      ? WINDOWS_KEY_CURE
      : 'Add one of them to its authorized_keys ("ssh-copy-id"), correct "user", or name another with "identity_file"',
  })
}

function tooManyKeysError(settings: SshSettings, attempts: AuthAttempts): EncodeError {
  const count = attempts.offered.length
  return new EncodeError(
    'HOST_AUTH_FAILED',
    `${describePlace(settings)} gave up on "${settings.user}" after ${count} keys: ${attempts.offered.join(', ')}`,
    {
      hint: 'Name the right key with "identity_file", or set "IdentitiesOnly yes" for this host in ~/.ssh/config',
    },
  )
}
