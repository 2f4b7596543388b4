/** Decides on the key that a host shows, from the known_hosts files; a refusal says what was expected and how to accept it. */

import { EncodeError } from '../../core/errors.ts'
import { addKnownKey, describeKey, judgeHostKey, type KnownKey, type RefusedKey, readKnownKeys, toKnownHostName } from './known-hosts.ts'
import type { SshSettings } from './ssh-settings.ts'

export interface HostKeyCheck {
  /** Host key algorithms for the handshake, those first that this host is known by. */
  readonly algorithms: readonly string[]
  /** Resolves when the key is to be trusted; rejects with HOST_KEY_REFUSED. A key that is new may be written down. */
  verify(shown: Buffer): Promise<void>
}

/** What ssh2 can verify, best first. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const

export async function openHostKeyCheck(settings: SshSettings): Promise<HostKeyCheck> {
  const name = settings.hostKeyAlias ?? toKnownHostName(settings.hostname, settings.port)
  const files = [...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles]
  let keys = await readKnownKeys(files, [name])
  // Like ssh: a key known for the host without a port is good for its other ports too, but only if it is the same.
  const portless =
    settings.hostKeyAlias === undefined && settings.port !== 22 ? await readKnownKeys(files, [settings.hostname.toLowerCase()]) : []

  async function verify(shown: Buffer): Promise<void> {
    const own = judgeHostKey(keys, shown)
    const withoutPort = judgeHostKey(portless, shown)
    const isDecidedWithout = withoutPort.kind === 'revoked' || (own.kind === 'unknown' && withoutPort.kind === 'known')
    const verdict = isDecidedWithout ? withoutPort : own
    if (verdict.kind === 'known') return
    if (verdict.kind !== 'unknown') throw refusalError(settings, shown, verdict, name)
    const file = settings.userKnownHostsFiles[0]
    if (!settings.acceptsNewHostKeys || file === undefined) throw unknownError(settings, shown, verdict.hasAuthority)
    if (!settings.writesKnownHosts) return
    // Another connection of this run may have written it down since; a second line would do no good.
    keys = await readKnownKeys(files, [name])
    const now = judgeHostKey(keys, shown)
    if (now.kind === 'unknown') await writeDown(settings, file, name, shown)
    else if (now.kind !== 'known') throw refusalError(settings, shown, now, name)
    keys = await readKnownKeys(files, [name])
  }

  return { algorithms: orderAlgorithms([...keys, ...portless]), verify }
}

function orderAlgorithms(keys: readonly KnownKey[]): readonly string[] {
  const known = new Set(keys.filter((entry) => entry.marker === undefined).map((entry) => entry.type))
  const isKnown = (algorithm: string): boolean => known.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm)
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))]
}

async function writeDown(settings: SshSettings, file: string, name: string, shown: Buffer): Promise<void> {
  try {
    await addKnownKey(file, name, shown, settings.hashesKnownHosts)
  } catch (cause) {
    throw new EncodeError(
      'HOST_KEY_REFUSED',
      `The host key of ${at(settings)} is new and cannot be written to "${file}": ${String(cause)}`,
      {
        hint: 'Make the file writable, or name another with "known_hosts"',
        cause,
      },
    )
  }
}

function unknownError(settings: SshSettings, shown: Buffer, hasAuthority: boolean): EncodeError {
  const authority = hasAuthority ? ' (a certificate authority is known for it, but host certificates are not understood here)' : ''
  return new EncodeError('HOST_KEY_REFUSED', `The host key of ${at(settings)} is not known: ${describeKey(shown)}${authority}`, {
    hint: `Compare the fingerprint and accept the key once with "${acceptCommand(settings)}", or set "host_key_check: accept-new" for this host`,
  })
}

function refusalError(settings: SshSettings, shown: Buffer, verdict: RefusedKey, name: string): EncodeError {
  return verdict.kind === 'revoked' ? revokedError(settings, shown, verdict.entry) : changedError(settings, shown, verdict.entry, name)
}

function changedError(settings: SshSettings, shown: Buffer, entry: KnownKey, name: string): EncodeError {
  const known = describeKey(Buffer.from(entry.key, 'base64'))
  const message = `The host key of ${at(settings)} has changed: it shows ${describeKey(shown)}, but ${entry.file}:${entry.line} knows ${known}`
  return new EncodeError('HOST_KEY_REFUSED', message, {
    hint: `Someone may be standing in between; only if you know why it changed, forget the old key with "ssh-keygen -f ${quote(entry.file)} -R ${quote(name)}"`,
  })
}

function revokedError(settings: SshSettings, shown: Buffer, entry: KnownKey): EncodeError {
  return new EncodeError(
    'HOST_KEY_REFUSED',
    `The host key of ${at(settings)} is revoked by ${entry.file}:${entry.line}: ${describeKey(shown)}`,
    {
      hint: 'Give the host a new key before it is used again',
    },
  )
}

function acceptCommand(settings: SshSettings): string {
  const [file] = settings.userKnownHostsFiles
  const isOwnFile = file !== undefined && !file.endsWith('/.ssh/known_hosts')
  return [
    'ssh',
    ...(isOwnFile ? ['-o', quote(`UserKnownHostsFile=${file}`)] : []),
    ...(settings.port === 22 ? [] : ['-p', String(settings.port)]),
    ...(settings.proxyJump.length === 0 ? [] : ['-J', quote(settings.proxyJump.join(','))]),
    quote(`${settings.user}@${settings.name}`),
  ].join(' ')
}

function at(settings: SshSettings): string {
  const place = `${settings.hostname}:${settings.port}`
  return settings.name === settings.hostname ? `"${place}"` : `"${settings.name}" (${place})`
}

/** For a person to paste into a shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
