/** One authenticated SSH connection, directly or through others. Knows nothing of how many there are. */

import type { Duplex } from 'node:stream'
import ssh2, { type ClientChannel } from 'ssh2'
import { systemClock } from '../../core/clock.ts'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { ChannelExit } from '../channel.ts'
import { AuthOrder } from './auth-order.ts'
import { coalesceWrites } from './coalescing-socket.ts'
import { waitForExit } from './command-channel.ts'
import { describePlace, toHandshakeError, toStrangerError, toTimeoutError } from './connect-errors.ts'
import { throughGate } from './connection-gate.ts'
import { dialCommand, dialTcp } from './dial.ts'
import { openHostKeyCheck } from './host-key-check.ts'
import { type Identities, loadIdentities, type Prompt } from './identities.ts'
import { watchSilence } from './silence-watch.ts'
import type { SshSurroundings } from './ssh-destination.ts'
import { loadSshSettings, parseJumpHop, type SshSettings } from './ssh-settings.ts'

export interface Session {
  readonly channel: ClientChannel
  /** Resolves when the channel is closed and its output was read; rejects with HOST_LOST when the connection broke first. */
  readonly exit: Promise<ChannelExit>
}

export interface SshConnection {
  /** Rejects with the refusal of the server (`isSessionRefusal`), or with HOST_LOST. */
  openSession(commandLine: string): Promise<Session>
  /** Aborted, with HOST_LOST as reason, before any channel of a broken connection ends. */
  readonly lost: AbortSignal
  /** The key that the server showed and that was found to be its own. */
  readonly hostKey: Buffer | undefined
  /** Ends it in good order; resolves when it is closed. */
  end(): Promise<void>
}

export interface ConnectOptions {
  readonly around: SshSurroundings
  readonly prompt: Prompt | undefined
  /** Between keepalives; a connection that is silent for three of them is lost. */
  readonly keepaliveSeconds: number
}

const FASTEST_CIPHER = 'aes128-gcm@openssh.com'
const MAX_HOPS = 8
export const KEEPALIVES_UNANSWERED = 3
/** An answer may stand behind bytes of a transfer: it is given a few times as long as a connection. */
const ANSWER_TIMEOUTS = 3
/** Unread output of a channel; ssh2 allows a server 2 MiB, and does not hold it to that. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024
/** Hosts wait 30 s for a heartbeat (`DEFAULT_LEASH_TIMING`); the last one may have been sent 5 s before this machine stood still. */
const STANDSTILL_LIMIT_MS = 25_000
/** What sshd says before it hangs up on those that are too many; it may let the same client in a moment later. */
const BUSY = /^(Exceeded MaxStartups|Not allowed at this time)/
/** sshd drops connections at random while too many handshakes are under way. */
const DROPPED_RETRIES_MS = [200, 400, 800, 1600] as const

/** Rejects with HOST_UNREACHABLE, HOST_AUTH_FAILED, HOST_KEY_REFUSED, or the signal's reason. */
export async function openConnection(settings: SshSettings, options: ConnectOptions, signal?: AbortSignal): Promise<SshConnection> {
  return await connectThrough(settings, options, signal, 0)
}

/** Whether the server would open no further session on this connection (MaxSessions). */
export function isSessionRefusal(error: unknown): boolean {
  const reason = (error as { reason?: unknown }).reason
  // RFC 4254, 5.1: 1 prohibited, 2 connect failed (what OpenSSH says), 4 resource shortage.
  return reason === 1 || reason === 2 || reason === 4
}

async function connectThrough(
  settings: SshSettings,
  options: ConnectOptions,
  signal: AbortSignal | undefined,
  hops: number,
): Promise<SshConnection> {
  if (hops > MAX_HOPS) {
    throw new EncodeError('HOST_UNREACHABLE', `${describePlace(settings)} is reached through more than ${MAX_HOPS} hosts`, {
      hint: 'Look for a ProxyJump that leads back to itself',
    })
  }
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await connectOnce(settings, options, signal, hops)
    } catch (error) {
      const pauseMs = DROPPED_RETRIES_MS[attempt]
      if (!(error instanceof DroppedError) || pauseMs === undefined) throw error instanceof DroppedError ? error.expected : error
      await systemClock.sleep(pauseMs * (0.5 + Math.random()), signal)
    }
  }
}

async function connectOnce(
  settings: SshSettings,
  options: ConnectOptions,
  signal: AbortSignal | undefined,
  hops: number,
): Promise<SshConnection> {
  const hostKeys = await openHostKeyCheck(settings)
  const identities = await loadIdentities(settings, options.prompt)
  const dialed = await dial(settings, options, signal, hops)
  try {
    return await throughGate(`${settings.hostname}:${settings.port}`, signal, async () => {
      const stream = await dialed.open()
      return await shakeHands(stream, dialed.jump, { settings, options, hostKeys, identities, signal })
    })
  } catch (error) {
    await dialed.jump?.end()
    throw error
  }
}

interface Dialed {
  readonly jump: RawConnection | undefined
  open(): Promise<Duplex>
}

/** What is needed of a connection that others go through. */
interface RawConnection extends SshConnection {
  openTcp(hostname: string, port: number): Promise<Duplex>
}

async function dial(settings: SshSettings, options: ConnectOptions, signal: AbortSignal | undefined, hops: number): Promise<Dialed> {
  const last = settings.proxyJump.at(-1)
  if (last !== undefined) {
    const own = await loadSshSettings(parseJumpHop(last), options.around, signal)
    const before = settings.proxyJump.slice(0, -1)
    // As with ssh -J: hops that are named here win over a hop's own ProxyJump.
    const hop = before.length > 0 ? { ...own, proxyJump: before, proxyCommand: undefined } : own
    const jump = (await connectThrough(hop, options, signal, hops + 1)) as RawConnection
    return { jump, open: () => openThrough(jump, settings, signal) }
  }
  const command = settings.proxyCommand
  if (command !== undefined) return { jump: undefined, open: async () => dialCommand(command, options.around.env) }
  return { jump: undefined, open: () => dialTcp(settings, signal) }
}

/** A host in between that never answers must not be waited for longer than the one behind it. */
async function openThrough(jump: RawConnection, settings: SshSettings, signal: AbortSignal | undefined): Promise<Duplex> {
  const patience = AbortSignal.timeout(settings.connectTimeoutMs)
  try {
    return await untilAborted(
      jump.openTcp(settings.hostname, settings.port),
      signal === undefined ? patience : AbortSignal.any([signal, patience]),
    )
  } catch (error) {
    throw patience.aborted && signal?.aborted !== true ? toTimeoutError(settings, 'connection') : error
  }
}

interface Handshake {
  readonly settings: SshSettings
  readonly options: ConnectOptions
  readonly hostKeys: Awaited<ReturnType<typeof openHostKeyCheck>>
  readonly identities: Identities
  readonly signal: AbortSignal | undefined
}

async function shakeHands(stream: Duplex, jump: SshConnection | undefined, handshake: Handshake): Promise<RawConnection> {
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
        : toHandshakeError((keyRefusal as Error | undefined) ?? error, settings, attempts, identities)
      const isDrop = !hasSeenServer && !isStranger && (level === 'client-socket' || /lost before handshake/i.test(error.message))
      fail(isDrop ? new DroppedError(expected) : expected)
    }
    const onClose = (): void => onError(new Error('It closed the connection'))
    client.on('ready', onReady).on('error', onError).on('close', onClose)
    client.on('handshake', () => {
      hasSeenServer = true
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
    stream.once('data', (chunk: Buffer) => {
      firstBytes = chunk.toString('latin1', 0, 200)
    })
  })
  return wrapClient(client, stream, { jump, settings, keepaliveSeconds: options.keepaliveSeconds, hostKey: trustedKey })
}

/** To be called before anything else runs: the exit may stand in the same packet as the answer that the command was started. */
function toSession(channel: ClientChannel, lost: AbortSignal): Session {
  const exit = waitForExit(channel, lost)
  // Whoever gave the channel up does not wait for it.
  exit.catch(() => undefined)
  return { channel, exit }
}

/** The server hung up before it said a word: it may be busy, and another attempt may succeed. */
class DroppedError extends Error {
  readonly expected: EncodeError
  constructor(expected: EncodeError) {
    super(expected.message)
    this.expected = expected
  }
}

interface Standing {
  readonly jump: SshConnection | undefined
  readonly settings: SshSettings
  readonly keepaliveSeconds: number
  readonly hostKey: Buffer | undefined
}

function wrapClient(client: ssh2.Client, stream: Duplex, { jump, settings, keepaliveSeconds, hostKey }: Standing): RawConnection {
  const lost = new AbortController()
  const place = describePlace(settings)
  const lose = (why: string, cause?: unknown): void => {
    if (lost.signal.aborted) return
    lost.abort(new EncodeError('HOST_LOST', `The connection to ${place} ${why}`, { hint: 'Check the host and the network to it', cause }))
  }
  const limitMs = keepaliveSeconds * 1000 * KEEPALIVES_UNANSWERED
  const giveUp = (why: string): void => {
    lose(why)
    silence.stop()
    client.destroy()
    stream.destroy()
  }
  const silence = watchSilence({
    limitMs,
    onSilence: () => giveUp(`was silent for ${limitMs / 1000} s`),
    // The host has ended our commands and removed our files by now, or is about to: nothing there can be relied on.
    onStep: (tookMs) => {
      if (tookMs >= STANDSTILL_LIMIT_MS) giveUp(`is not used any more: this machine stood still for ${Math.round(tookMs / 1000)} s`)
    },
  })
  const channels = new Set<ClientChannel>()
  stream.on('data', () => {
    silence.heard()
    for (const { readableLength, stderr } of channels) {
      if (readableLength + stderr.readableLength > MAX_UNREAD_BYTES) return giveUp('was ended: the host sent more than it was allowed to')
    }
  })
  // What a server says as it hangs up stands in the error.
  client.on('error', (error) => lose(`broke: ${toPlainLine(error.message)}`, error))
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => {
      silence.stop()
      lose('was closed by the host')
      void jump?.end()
      resolve()
    })
  })

  const toLost = (error: unknown): unknown => (lost.signal.aborted ? lost.signal.reason : error)
  return {
    lost: lost.signal,
    hostKey,
    openSession: (commandLine) =>
      new Promise((resolve, reject) => {
        lost.signal.throwIfAborted()
        const answerMs = settings.connectTimeoutMs * ANSWER_TIMEOUTS
        const patience = setTimeout(() => giveUp(`is of no use: the host starts no command within ${answerMs / 1000} s`), answerMs)
        const onLost = (): void => reject(lost.signal.reason)
        lost.signal.addEventListener('abort', onLost, { once: true })
        client.exec(commandLine, (error, channel) => {
          clearTimeout(patience)
          lost.signal.removeEventListener('abort', onLost)
          if (error !== undefined) return queueMicrotask(() => reject(toLost(error)))
          channels.add(channel)
          channel.once('close', () => channels.delete(channel))
          resolve(toSession(channel, lost.signal))
        })
      }),
    openTcp: (hostname, port) =>
      new Promise((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, hostname, port, (error, channel) => {
          if (error === undefined) return resolve(channel)
          reject(
            new EncodeError(
              'HOST_UNREACHABLE',
              `${place} cannot reach "${hostname}:${port}" for this machine: ${toPlainLine(error.message)}`,
              {
                hint: 'Check that the host is up, and that the SSH server in between allows TCP forwarding',
                cause: error,
              },
            ),
          )
        })
      }),
    async end() {
      lose('was ended')
      client.end()
      const force = setTimeout(() => {
        client.destroy()
        stream.destroy()
      }, 500)
      await closed
      clearTimeout(force)
      await jump?.end()
    },
  }
}
