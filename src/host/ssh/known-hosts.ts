/**
 * OpenSSH's known_hosts files: which keys a host is known by, and what that says about the key it shows.
 * Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 */

import { createHash, createHmac, randomBytes } from 'node:crypto'
import { chmod, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EncodeError } from '../../core/errors.ts'
import { makeFolders } from '../../core/make-folders.ts'
import { matchesPatterns } from './host-pattern.ts'

export interface KnownKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`. */
  readonly type: string
  /** The key as the protocol carries it, base64. */
  readonly key: string
  readonly marker: 'revoked' | 'cert-authority' | undefined
  readonly file: string
  readonly line: number
}

export interface RefusedKey {
  readonly kind: 'changed' | 'revoked'
  readonly entry: KnownKey
}

export type HostKeyVerdict =
  | RefusedKey
  | { readonly kind: 'known' }
  /** `hasAuthority`: a certificate authority vouches for this host, which is not understood here. */
  | { readonly kind: 'unknown'; readonly hasAuthority: boolean }

/** The name under which a host's key stands: `nas.lan`, `[nas.lan]:2222`. */
export function toKnownHostName(hostname: string, port: number): string {
  return port === 22 ? hostname.toLowerCase() : `[${hostname.toLowerCase()}]:${port}`
}

/** The entries of all files that match one of `names`, in order. A file that does not exist has none. */
export async function readKnownKeys(files: readonly string[], names: readonly string[]): Promise<readonly KnownKey[]> {
  const found: KnownKey[] = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return ''
      throw new EncodeError('HOST_KEY_REFUSED', `The known host keys in "${file}" cannot be read: ${error.message}`, { cause: error })
    })
    text.split('\n').forEach((line, index) => {
      const entry = parseLine(line, names)
      if (entry !== undefined) found.push({ ...entry, file, line: index + 1 })
    })
  }
  return found
}

/** What the known keys of a host say about the key that it shows. */
export function judgeHostKey(keys: readonly KnownKey[], shown: Buffer): HostKeyVerdict {
  const key = shown.toString('base64')
  const revoked = keys.find((entry) => entry.marker === 'revoked' && entry.key === key)
  if (revoked !== undefined) return { kind: 'revoked', entry: revoked }
  const plain = keys.filter((entry) => entry.marker === undefined)
  if (plain.some((entry) => entry.key === key)) return { kind: 'known' }
  // A key of another type counts as changed as well: a host that is known never becomes new by showing a type that is not.
  const other = plain.find((entry) => entry.type === readKeyType(shown)) ?? plain[0]
  if (other !== undefined) return { kind: 'changed', entry: other }
  return { kind: 'unknown', hasAuthority: keys.some((entry) => entry.marker === 'cert-authority') }
}

/** The type at the head of a key as the protocol carries it. */
export function readKeyType(key: Buffer): string {
  return key.length < 4 ? '' : key.toString('latin1', 4, 4 + Math.min(key.readUInt32BE(0), 64))
}

/** As OpenSSH shows keys: `ED25519 SHA256:…`. */
export function describeKey(key: Buffer): string {
  const type = readKeyType(key)
  const short = /^ecdsa/.test(type) ? 'ECDSA' : type.replace(/^ssh-/, '').toUpperCase()
  return `${short} SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** Appends one line in one write, so that others who append at the same time cannot tear it. Makes the file and its folder, private. */
export async function addKnownKey(file: string, name: string, key: Buffer, isHashed: boolean): Promise<void> {
  await makeFolders(dirname(file), 0o700)
  const handle = await open(file, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    else await chmod(file, 0o600)
    const separator = size > 0 && last.toString() !== '\n' ? '\n' : ''
    const line = `${separator}${isHashed ? hashName(name) : name} ${readKeyType(key)} ${key.toString('base64')}\n`
    await handle.appendFile(line)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

function parseLine(line: string, names: readonly string[]): Omit<KnownKey, 'file' | 'line'> | undefined {
  const words = line.trim().split(/\s+/)
  if (words[0] === '' || words[0]?.startsWith('#')) return undefined
  const marker = words[0] === '@revoked' ? 'revoked' : words[0] === '@cert-authority' ? 'cert-authority' : undefined
  if (words[0]?.startsWith('@')) {
    if (marker === undefined) return undefined
    words.shift()
  }
  const [hosts, type, key] = words
  if (hosts === undefined || type === undefined || key === undefined) return undefined
  return names.some((name) => matchesHosts(hosts, name)) ? { type, key: key.replace(/=+$/, padding(key)), marker } : undefined
}

/** base64 is compared as text: give it the padding that Node gives. */
function padding(key: string): string {
  return '='.repeat((4 - (key.replace(/=+$/, '').length % 4)) % 4)
}

function matchesHosts(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts)
  if (hashed === null) return matchesPatterns(name, hosts.split(','))
  return (
    createHmac('sha1', Buffer.from(hashed[1] ?? '', 'base64'))
      .update(name)
      .digest('base64') === hashed[2]
  )
}

function hashName(name: string): string {
  const salt = randomBytes(20)
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}
