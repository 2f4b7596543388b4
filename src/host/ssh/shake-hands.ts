/** From a byte stream to an authenticated connection: version, key exchange, the host's key, our keys. */

import type { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import type { EncodeError } from '../../core/errors.ts'
import { AuthOrder } from './auth-order.ts'
import { toHandshakeError, toStrangerError, toTimeoutError } from './connect-errors.ts'
import { coalesceWrites } from './cork-writes.ts'
import type { openHostKeyCheck } from './host-key-check.ts'
import type { Identities, Prompt } from './identities.ts'
import { toMostCommandBytes, toMostSessions } from './server-limits.ts'
import { keepKeys } from './ssh-crypto.ts'
import type { SshSurroundings } from './ssh-destination.ts'
import type { SshSettings } from './ssh-settings.ts'
import { createStandingConnection, type JumpConnection, type SshConnection } from './standing-connection.ts'

export interface ConnectOptions {
  readonly around: SshSurroundings
  readonly prompt: Prompt | undefined
  /** Between keepalives; a connection that is silent for three of them is lost. */
  readonly keepaliveSeconds: number
}

export interface Handshake {
  readonly settings: SshSettings
  readonly options: ConnectOptions
  readonly hostKeys: Awaited<ReturnType<typeof openHostKeyCheck>>
  readonly identities: Identities
  readonly signal: AbortSignal | undefined
}

/** The server hung up before it said a word: it may be busy, and another attempt may succeed. */
export class DroppedError extends Error {
  readonly expected: EncodeError
  constructor(expected: EncodeError) {
    super(expected.message)
    this.expected = expected
  }
}

/** Of what a server says first, greeting and all. */
const MAX_IDENT = 1000
const FASTEST_CIPHER = 'aes128-gcm@openssh.com'
/** What sshd says before it hangs up on those that are too many; it may let the same client in a moment later. */
const BUSY = /^(Exceeded MaxStartups|Not allowed at this time)/

/** Rejects with HOST_UNREACHABLE, HOST_AUTH_FAILED, HOST_KEY_REFUSED, `DroppedError`, or the signal's reason. */
export async function shakeHands(stream: Duplex, jump: SshConnection | undefined, handshake: Handshake): Promise<JumpConnection> {
  const { settings, options, hostKeys, identities, signal } = handshake
  const client = new ssh2.Client()
  // An error that comes between two of the listeners below must not end the program; the connection closes after it.
  client.on('error', () => undefined)
  const attempts = new AuthOrder(settings.user, identities)
  let hasSeenServer = false
  let firstBytes = ''
  let keyRefusal: unknown
  let trustedKey: Buffer | undefined

  await new Promise<void>((resolve, reject) => {
    let remainingMs = settings.connectTimeoutMs
    const stepMs = Math.min(200, remainingMs)
    const timer = setInterval(() => {
      // A person who types a passphrase may take longer than any network.
      if (identities.isAsking()) return
      remainingMs -= stepMs
      if (remainingMs <= 0) fail(toTimeoutError(settings, 'handshake'))
    }, stepMs)
    const settle = (): void => {
      clearInterval(timer)
      signal?.removeEventListener('abort', onAbort)
      client.off('ready', onReady).off('error', onError).off('close', onClose)
    }
    const fail = (error: unknown): void => {
      settle()
      stream.on('error', () => undefined)
      client.destroy()
      stream.destroy()
      reject(error)
    }
    const onReady = (): void => {
      settle()
      resolve()
    }
    const onAbort = (): void => fail(signal?.reason)
    const onError = (error: Error): void => {
      const level = (error as { level?: string }).level
      // A key that cannot sign (agent gone, wrong passphrase): ssh2 goes on to the next by itself.
      if (level === 'agent' || /^Error (while )?signing/.test(error.message)) return
      const isStranger = firstBytes !== '' && !firstBytes.startsWith('SSH-') && !BUSY.test(firstBytes)
      const expected = isStranger
        ? toStrangerError(settings, firstBytes)
        : toHandshakeError((keyRefusal as Error | undefined) ?? error, { settings, attempts, identities, banner: firstBytes })
      const isDrop = !hasSeenServer && !isStranger && (level === 'client-socket' || /lost before handshake/i.test(error.message))
      fail(isDrop ? new DroppedError(expected) : expected)
    }
    const onClose = (): void => onError(new Error('It closed the connection'))
    client.on('ready', onReady).on('error', onError).on('close', onClose)
    client.on('handshake', () => {
      hasSeenServer = true
      keepKeys(client)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) return onAbort()
    client.connect({
      sock: jump === undefined ? stream : coalesceWrites(stream),
      username: settings.user,
      readyTimeout: 0,
      keepaliveInterval: options.keepaliveSeconds * 1000,
      keepaliveCountMax: Number.MAX_SAFE_INTEGER, // silence is judged by `watchSilence`
      algorithms: {
        // The fastest where OpenSSL does it. ssh2 prepends only what is not in its list: it must go first.
        cipher: { remove: [FASTEST_CIPHER], prepend: [FASTEST_CIPHER], append: [] },
        serverHostKey: [...hostKeys.algorithms] as ssh2.ServerHostKeyAlgorithm[],
      },
      hostVerifier: (key: Buffer, answer: (isTrusted: boolean) => void) => {
        // Asked again when session keys are renewed. Answered later than at once, ssh2 would send data under the old keys meanwhile.
        if (trustedKey !== undefined) return answer(trustedKey.equals(key))
        hostKeys.verify(key).then(
          () => {
            trustedKey = Buffer.from(key)
            answer(true)
          },
          (error: unknown) => {
            keyRefusal = error
            answer(false)
          },
        )
      },
      authHandler: (methodsLeft, partialSuccess, next) => next(attempts.next(methodsLeft, partialSuccess)),
    })
    // After `connect`, which has paused the stream until ssh2 listens too.
    stream.on('data', function hear(chunk: Buffer) {
      firstBytes += chunk.toString('latin1', 0, MAX_IDENT - firstBytes.length)
      // A server may greet before it says what it is, and its words come in pieces of any size.
      if (firstBytes.length >= MAX_IDENT || /^SSH-.*\n/m.test(firstBytes)) stream.off('data', hear)
    })
  })
  const { keepaliveSeconds } = options
  const limits = { mostSessions: toMostSessions(firstBytes), mostCommandBytes: toMostCommandBytes(firstBytes) }
  return createStandingConnection(client, stream, { jump, settings, keepaliveSeconds, hostKey: trustedKey, ...limits })
}
