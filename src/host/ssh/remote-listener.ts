/**
 * Ports on the loopback of the far side whose connections come here (RFC 4254, 7.1: `tcpip-forward`). The server chooses the number,
 * and closes the port with the connection, however that ends.
 */

import type ssh2 from 'ssh2'
import type { ClientChannel } from 'ssh2'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import type { HostListener, OnConnection } from '../host.ts'
import type { ChannelFlow } from './channel-flow.ts'

export interface RemoteListeners {
  /** Rejects with HOST_UNSUPPORTED where the server allows no forwarding or never ends it, or with HOST_LOST. */
  listen(onConnection: OnConnection): Promise<HostListener>
}

export interface RemoteListenersOptions {
  /** For messages. */
  readonly place: string
  /** The connection's. */
  readonly lost: AbortSignal
  /** Told of each channel before anything comes on it. */
  readonly onChannel: (channel: ClientChannel) => void
  readonly toFlow: (channel: ClientChannel) => ChannelFlow
  /** Told how long the server took to answer. */
  readonly onAnswer: (ms: number) => void
  /** Sends a request; throws HOST_LOST, and has the connection lost, where it has ended already. */
  readonly ask: (send: () => void) => void
}

const LOOPBACK = '127.0.0.1'

export function createRemoteListeners(
  client: ssh2.Client,
  { place, lost, onChannel, toFlow, onAnswer, ask }: RemoteListenersOptions,
): RemoteListeners {
  const handlers = new Map<number, OnConnection>()
  let trial: Promise<void> | undefined

  client.on('tcp connection', ({ srcIP, destPort }, accept, reject) => {
    const onConnection = handlers.get(destPort)
    // `GatewayPorts yes` opens the port to the network, whatever was asked for.
    if (onConnection === undefined || !isLoopback(srcIP)) return reject()
    const channel = accept()
    channel.on('error', () => undefined)
    onChannel(channel)
    onConnection(channel, toFlow(channel))
  })

  async function request(send: (answer: (error: Error | undefined, port: number) => void) => void): Promise<number> {
    lost.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    promise.catch(() => undefined)
    const onLost = (): void => reject(lost.reason)
    lost.addEventListener('abort', onLost, { once: true })
    const askedMs = performance.now()
    try {
      ask(() => send((error, port) => (error === undefined ? resolve(port) : reject(error))))
      const answer = await promise
      onAnswer(performance.now() - askedMs)
      return answer
    } catch (error) {
      lost.throwIfAborted()
      throw error
    } finally {
      lost.removeEventListener('abort', onLost)
    }
  }

  async function close(port: number): Promise<void> {
    await request((answer) => client.unforwardIn(LOOPBACK, port, (error) => answer(error ?? undefined, port)))
    handlers.delete(port)
  }

  async function open(): Promise<number> {
    return await request((answer) => client.forwardIn(LOOPBACK, 0, answer)).catch((cause: unknown) => {
      throw toUnsupported(cause, 'opens no port for this machine', 'Allow remote forwarding in its sshd_config (AllowTcpForwarding)')
    })
  }

  /** Dropbear closes no port whose number it has chosen itself: where that is so, the one of the trial is the only one. */
  async function tryOut(): Promise<void> {
    const port = await open()
    await close(port).catch((cause: unknown) => {
      throw toUnsupported(cause, 'closes no port that it has opened', 'Media are sent there before they are encoded')
    })
  }

  function toUnsupported(cause: unknown, what: string, hint: string): unknown {
    if (lost.aborted) return lost.reason
    const why = toPlainLine(cause instanceof Error ? cause.message : String(cause))
    return new EncodeError('HOST_UNSUPPORTED', `${place} ${what}: ${why}`, { hint, cause })
  }

  return {
    async listen(onConnection) {
      trial ??= tryOut()
      await trial
      const port = await open()
      handlers.set(port, onConnection)
      let closing: Promise<void> | undefined
      const closeOnce = (): Promise<void> => {
        closing ??= close(port)
        return closing
      }
      return { port, lost, close: closeOnce }
    },
  }
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./.test(address) || address === '::1'
}
