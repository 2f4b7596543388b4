/** A connection that has let us in: channels on it, whether it is still alive, and its end. */

import type { Duplex } from 'node:stream'
import type ssh2 from 'ssh2'
import type { ClientChannel, SFTPWrapper } from 'ssh2'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import type { ChannelExit } from '../channel.ts'
import { type ChannelFlow, watchChannelFlow } from './channel-flow.ts'
import { waitForExit } from './command-channel.ts'
import { describePlace } from './connect-errors.ts'
import { createRemoteListeners, type RemoteListeners } from './remote-listener.ts'
import { watchSilence } from './silence-watch.ts'
import type { SshSettings } from './ssh-settings.ts'

export interface Session {
  readonly channel: ClientChannel
  /** Resolves when the channel is closed and its output was read; rejects with HOST_LOST when the connection broke first. */
  readonly exit: Promise<ChannelExit>
  /** For many bytes that are written to it. */
  readonly flow: ChannelFlow
}

export interface SftpChannel {
  readonly sftp: SFTPWrapper
  /** Resolves when the channel is closed. */
  readonly exit: Promise<void>
}

export interface SshConnection extends RemoteListeners {
  /** Rejects with the refusal of the server (`isSessionRefusal`), with HOST_UNSUPPORTED for a line that it would hang up on, or with HOST_LOST. */
  openSession(commandLine: string): Promise<Session>
  /** The server's own way to files. Rejects as `openSession` does, or with the server's word that it has none. */
  openSftp(): Promise<SftpChannel>
  /** Aborted, with HOST_LOST as reason, before any channel of a broken connection ends. */
  readonly lost: AbortSignal
  /** The key that the server showed and that was found to be its own. */
  readonly hostKey: Buffer | undefined
  /** More at a time must not be asked for. Undefined: the server says it when there are too many. */
  readonly mostSessions: number | undefined
  /** Ends it in good order; resolves when it is closed. */
  end(): Promise<void>
}

/** What is needed of a connection that others go through. */
export interface JumpConnection extends SshConnection {
  openTcp(hostname: string, port: number): Promise<Duplex>
}

export interface Standing {
  readonly jump: SshConnection | undefined
  readonly settings: SshSettings
  readonly keepaliveSeconds: number
  readonly hostKey: Buffer | undefined
  readonly mostSessions: number | undefined
  /** Of a command line. */
  readonly mostCommandBytes: number | undefined
}

export const KEEPALIVES_UNANSWERED = 3
/** An answer may stand behind bytes of a transfer: it is given a few times as long as a connection. */
const ANSWER_TIMEOUTS = 3
/** Unread output of a channel; ssh2 allows a server 2 MiB, and does not hold it to that. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024
/** Hosts wait 30 s for a heartbeat (`DEFAULT_LEASH_TIMING`); the last one may have been sent 5 s before this machine stood still. */
const STANDSTILL_LIMIT_MS = 25_000

/** Whether the server would open no further session on this connection (MaxSessions). */
export function isSessionRefusal(error: unknown): boolean {
  const reason = (error as { reason?: unknown }).reason
  // RFC 4254, 5.1: 1 prohibited, 2 connect failed (what OpenSSH says), 4 resource shortage.
  return reason === 1 || reason === 2 || reason === 4
}

export function createStandingConnection(
  client: ssh2.Client,
  stream: Duplex,
  { jump, settings, keepaliveSeconds, hostKey, mostSessions, mostCommandBytes }: Standing,
): JumpConnection {
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
      if (readableLength + (stderr?.readableLength ?? 0) > MAX_UNREAD_BYTES)
        return giveUp('was ended: the host sent more than it was allowed to')
    }
  })
  const watch = (channel: ClientChannel): void => {
    channels.add(channel)
    channel.once('close', () => channels.delete(channel))
  }
  /** At least what the way there and back takes; whoever opens a channel or a port has had an answer. */
  let wayMs = Number.POSITIVE_INFINITY
  const toFlow = (channel: ClientChannel): ChannelFlow => watchChannelFlow(channel, { connection: stream, wayMs })
  const onAnswer = (ms: number): void => {
    wayMs = Math.min(wayMs, ms)
  }
  /** Where the socket has ended and nobody has told of it yet, ssh2 throws instead of answering. */
  const ask = (send: () => void): void => {
    try {
      send()
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'Not connected') throw error
      lose('has ended', error)
      throw lost.signal.reason
    }
  }
  const { listen } = createRemoteListeners(client, { place, lost: lost.signal, onChannel: watch, toFlow, onAnswer, ask })
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
    mostSessions,
    listen,
    openSession: (commandLine) =>
      new Promise((resolve, reject) => {
        lost.signal.throwIfAborted()
        assertShort(commandLine, mostCommandBytes, place)
        const answerMs = settings.connectTimeoutMs * ANSWER_TIMEOUTS
        const patience = setTimeout(() => giveUp(`is of no use: the host starts no command within ${answerMs / 1000} s`), answerMs)
        const onLost = (): void => {
          clearTimeout(patience)
          reject(lost.signal.reason)
        }
        lost.signal.addEventListener('abort', onLost, { once: true })
        const askedMs = performance.now()
        ask(() =>
          client.exec(commandLine, (error, channel) => {
            clearTimeout(patience)
            // There and back twice, and the start of a process.
            onAnswer((performance.now() - askedMs) / 2)
            lost.signal.removeEventListener('abort', onLost)
            if (error !== undefined) return queueMicrotask(() => reject(toLost(error)))
            watch(channel)
            resolve({ ...toSession(channel, lost.signal), flow: toFlow(channel) })
          }),
        )
      }),
    openSftp: () =>
      new Promise((resolve, reject) => {
        lost.signal.throwIfAborted()
        const onLost = (): void => reject(lost.signal.reason)
        lost.signal.addEventListener('abort', onLost, { once: true })
        ask(() =>
          client.sftp((error, sftp) => {
            lost.signal.removeEventListener('abort', onLost)
            if (error !== undefined) return queueMicrotask(() => reject(toLost(error)))
            resolve({ sftp, exit: new Promise((ended) => sftp.once('close', () => ended())) })
          }),
        )
      }),
    openTcp: (hostname, port) =>
      new Promise((resolve, reject) => {
        ask(() =>
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
          }),
        )
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

function assertShort(commandLine: string, mostBytes: number | undefined, place: string): void {
  const bytes = Buffer.byteLength(commandLine)
  if (mostBytes === undefined || bytes <= mostBytes) return
  throw new EncodeError('HOST_UNSUPPORTED', `The server of ${place} takes command lines of ${mostBytes} bytes, and this one has ${bytes}`, {
    hint: 'Give the profile fewer options or the host less "env:", or run OpenSSH there instead of Dropbear',
  })
}

/** To be called before anything else runs: the exit may stand in the same packet as the answer that the command was started. */
function toSession(channel: ClientChannel, lost: AbortSignal): Omit<Session, 'flow'> {
  const exit = waitForExit(channel, lost)
  // Whoever gave the channel up does not wait for it.
  exit.catch(() => undefined)
  return { channel, exit }
}
