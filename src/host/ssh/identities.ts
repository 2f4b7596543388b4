/**
 * The keys that may be offered to a host, in OpenSSH's order: those of the agent that are named as identity files,
 * the others of the agent, then identity files that the agent does not hold. An encrypted key is offered by its public half
 * and unlocked only when the host wants it.
 */

import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import ssh2, { type BaseAgent, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2'
import { EncodeError } from '../../core/errors.ts'
import { describeKey } from './known-hosts.ts'
import type { SshSettings } from './ssh-settings.ts'

/** Asks a person for a secret; undefined when there is no answer. */
export type Prompt = (question: string) => Promise<string | undefined>

export interface Identity {
  /** For a person: `~/.ssh/id_ed25519 (ED25519 SHA256:…)`. */
  readonly description: string
  /** What ssh2 is given: one key, with a way to sign. */
  readonly agent: BaseAgent
}

export interface Identities {
  readonly list: readonly Identity[]
  /** Encrypted keys that nobody could unlock so far. */
  readonly locked: () => readonly string[]
  /** What was left out, each a sentence for the case that nothing else works. */
  readonly complaints: readonly string[]
  /** True while a person is being asked. */
  readonly isAsking: () => boolean
}

interface FileKey {
  readonly file: string
  /** Undefined when only the passphrase tells. */
  readonly publicKey: ParsedKey | undefined
  /** Undefined in a file that holds the public half only. */
  readonly open: (() => Promise<ParsedKey | undefined>) | undefined
}

/** Keys unlocked with one prompt are shared by all who ask with it, so that a person is asked once in a run. */
const unlockedByPrompt = new WeakMap<Prompt, Map<string, Promise<ParsedKey | undefined>>>()
const PASSPHRASE_TRIES = 3

/** Rejects with HOST_AUTH_FAILED when an identity file that was asked for cannot be read. */
export async function loadIdentities(settings: SshSettings, prompt: Prompt | undefined): Promise<Identities> {
  const complaints: string[] = []
  const agent = settings.agentSocket === undefined ? undefined : new ssh2.OpenSSHAgent(settings.agentSocket)
  const agentKeys = agent === undefined ? [] : await listAgentKeys(agent, settings.agentSocket ?? '', complaints)
  const locked = new Set<string>()
  let asking = 0
  const ask =
    prompt === undefined
      ? undefined
      : async (file: string, decrypt: (passphrase: string) => ParsedKey | undefined): Promise<ParsedKey | undefined> => {
          asking += 1
          try {
            return await unlock(prompt, file, decrypt)
          } finally {
            asking -= 1
          }
        }

  const fileKeys: FileKey[] = []
  for (const file of settings.identityFiles) {
    const key = await readFileKey(file, settings.hasOwnIdentityFiles, ask, locked, complaints)
    if (key !== undefined) fileKeys.push(key)
  }
  const isSame = (a: ParsedKey, b: ParsedKey | undefined): boolean => b !== undefined && a.getPublicSSH().equals(b.getPublicSSH())
  const named = agentKeys.filter((key) => fileKeys.some(({ publicKey }) => isSame(key, publicKey)))
  const others = settings.identitiesOnly ? [] : agentKeys.filter((key) => !named.includes(key))
  const files = fileKeys.filter(({ publicKey }) => !named.some((key) => isSame(key, publicKey)))

  const fromAgent = (key: ParsedKey): Identity => ({
    description: `agent key "${key.comment}" (${describeKey(key.getPublicSSH())})`,
    agent: oneKeyAgent(key, (data, options, done) => void agent?.sign(key, data, options, done)),
  })
  const fromFile = (key: FileKey): readonly Identity[] => {
    const { file, open, publicKey } = key
    if (open === undefined) {
      complaints.push(`"${file}" is a public key and the agent does not hold its private half`)
      return []
    }
    return [
      {
        description: publicKey === undefined ? file : `${file} (${describeKey(publicKey.getPublicSSH())})`,
        agent: openingAgent(file, publicKey, open),
      },
    ]
  }
  const ownFiles = files.flatMap(fromFile)
  // sshd counts each key that is offered: one that was asked for by name must not drown in a full agent.
  const rest = settings.hasOwnIdentityFiles ? [...ownFiles, ...others.map(fromAgent)] : [...others.map(fromAgent), ...ownFiles]
  return { list: [...named.map(fromAgent), ...rest], locked: () => [...locked], complaints, isAsking: () => asking > 0 }
}

async function listAgentKeys(agent: ssh2.OpenSSHAgent, socket: string, complaints: string[]): Promise<readonly ParsedKey[]> {
  return await new Promise((resolve) => {
    agent.getIdentities((error, keys) => {
      if (error) complaints.push(`the agent at "${socket}" does not answer`)
      resolve((keys ?? []).map((key) => ('pubKey' in key ? undefined : parseKey(key))).filter((key) => key !== undefined))
    })
  })
}

async function readFileKey(
  file: string,
  isAskedFor: boolean,
  ask: ((file: string, decrypt: (passphrase: string) => ParsedKey | undefined) => Promise<ParsedKey | undefined>) | undefined,
  locked: Set<string>,
  complaints: string[],
): Promise<FileKey | undefined> {
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (cause) {
    const publicOnly = await readPublicHalf(file)
    if (publicOnly !== undefined) return { file, publicKey: publicOnly, open: undefined }
    if (isAskedFor)
      complaints.push(`the identity file "${file}" cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`)
    return undefined
  }
  const key = parseKey(content) ?? parsePkcs8(content)
  if (key !== undefined) return { file, publicKey: key, open: key.isPrivateKey() ? async () => key : undefined }
  if (!isEncrypted(content)) {
    complaints.push(`"${file}" is no key that can be read here`)
    return undefined
  }
  const decrypt = (passphrase: string): ParsedKey | undefined => parseKey(content, passphrase) ?? parsePkcs8(content, passphrase)
  const publicKey = parsePublicPart(content) ?? (await readPublicHalf(file))
  // With its public half known, a key is opened only when the host would take it: one that it refuses is not refused for its passphrase.
  if (publicKey === undefined) locked.add(file)
  async function open(): Promise<ParsedKey | undefined> {
    locked.add(file)
    const opened = await ask?.(file, decrypt)
    if (opened !== undefined) locked.delete(file)
    return opened
  }
  return { file, publicKey, open }
}

async function unlock(
  prompt: Prompt,
  file: string,
  decrypt: (passphrase: string) => ParsedKey | undefined,
): Promise<ParsedKey | undefined> {
  const unlocked = unlockedByPrompt.get(prompt) ?? new Map<string, Promise<ParsedKey | undefined>>()
  unlockedByPrompt.set(prompt, unlocked)
  const tryAll = async (): Promise<ParsedKey | undefined> => {
    for (let attempt = 0; attempt < PASSPHRASE_TRIES; attempt += 1) {
      const passphrase = await prompt(`${attempt === 0 ? '' : 'Wrong passphrase. '}Passphrase of the key "${file}"`)
      if (passphrase === undefined || passphrase === '') return undefined
      const key = decrypt(passphrase)
      if (key !== undefined) return key
    }
    return undefined
  }
  const pending = unlocked.get(file) ?? tryAll()
  unlocked.set(file, pending)
  return await pending
}

type Sign = (data: Buffer, options: SigningRequestOptions, done: SignCallback) => void

/** ssh2 takes its keys from agents: this one holds a single key, so that the order of keys is decided here. */
function oneKeyAgent(key: ParsedKey, sign: Sign): BaseAgent {
  return toAgent((done) => done(undefined, [key]), sign)
}

/** Opens the key when it is asked to sign; when its public half is not known, already when it is asked which key it holds. */
function openingAgent(file: string, publicKey: ParsedKey | undefined, open: () => Promise<ParsedKey | undefined>): BaseAgent {
  const failure = new EncodeError('HOST_AUTH_FAILED', `The key "${file}" is encrypted and was not unlocked`)
  return toAgent(
    (done) => {
      if (publicKey !== undefined) done(undefined, [publicKey])
      else open().then((key) => done(undefined, key === undefined ? [] : [key]), done)
    },
    (data, options, done) => {
      open().then((key) => {
        if (key === undefined) return done(failure)
        const signature: Buffer | Error = key.sign(data, options.hash)
        if (signature instanceof Error) done(signature)
        else done(undefined, signature)
      }, done)
    },
  )
}

function toAgent(list: (done: (error: Error | undefined, keys?: ParsedKey[]) => void) => void, sign: Sign): BaseAgent {
  class KeyAgent extends ssh2.BaseAgent {
    override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
      list(done)
    }
    override sign(_key: unknown, data: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
      if (typeof options === 'function') sign(data, {}, options)
      else if (done !== undefined) sign(data, options, done)
    }
  }
  return new KeyAgent()
}

function parseKey(content: Buffer | string | ParsedKey, passphrase?: string): ParsedKey | undefined {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(content, passphrase)
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  return key === undefined || key instanceof Error ? undefined : key
}

/** `BEGIN PRIVATE KEY`, which ssh2 does not know: Node turns it into the older forms that it does. */
function parsePkcs8(content: Buffer, passphrase?: string): ParsedKey | undefined {
  if (!content.includes('PRIVATE KEY-----')) return undefined
  try {
    const key = createPrivateKey({ key: content, ...(passphrase === undefined ? {} : { passphrase }) })
    if (key.asymmetricKeyType === 'rsa') return parseKey(String(key.export({ type: 'pkcs1', format: 'pem' })))
    if (key.asymmetricKeyType === 'ec') return parseKey(String(key.export({ type: 'sec1', format: 'pem' })))
    return undefined
  } catch {
    return undefined
  }
}

function isEncrypted(content: Buffer): boolean {
  const text = content.toString('latin1')
  if (text.includes('ENCRYPTED')) return true
  const blob = readOpensshBlob(text)
  return blob !== undefined && readStrings(blob, 1)[0]?.toString('latin1') !== 'none'
}

/** The public half stands unencrypted in OpenSSH's own format (PROTOCOL.key: cipher, kdf, kdf options, count, public key). */
function parsePublicPart(content: Buffer): ParsedKey | undefined {
  const blob = readOpensshBlob(content.toString('latin1'))
  if (blob === undefined) return undefined
  const head = readStrings(blob, 3)
  const offset = head.reduce((sum, part) => sum + 4 + part.length, 0)
  const [publicBlob] = readStrings(blob.subarray(offset + 4), 1)
  return publicBlob === undefined ? undefined : parseKey(publicBlob)
}

function readOpensshBlob(text: string): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text)?.[1]
  const blob = body === undefined ? undefined : Buffer.from(body, 'base64')
  return blob?.toString('latin1', 0, 15) === 'openssh-key-v1\0' ? blob.subarray(15) : undefined
}

function readStrings(buffer: Buffer, count: number): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; found.length < count && at + 4 <= buffer.length; ) {
    const end = at + 4 + buffer.readUInt32BE(at)
    found.push(buffer.subarray(at + 4, end))
    at = end
  }
  return found
}

async function readPublicHalf(file: string): Promise<ParsedKey | undefined> {
  return await readFile(`${file}.pub`).then(
    (content) => parseKey(content),
    () => undefined,
  )
}
