/** A channel of its own for one transfer: it is watched while bytes move, takes its turn among others, and is closed whatever happens. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientChannel } from 'ssh2'
import { untilAborted } from '../../core/until-aborted.ts'
import type { TransferOptions } from '../host.ts'
import { closeChannel } from './command-channel.ts'
import type { Session } from './standing-connection.ts'
import { checkExit, STALL_MS, stalledError } from './transfer-errors.ts'

/** Opens a session for a command line on the lane for bulk bytes. */
export type OpenSession = (commandLine: string, signal?: AbortSignal) => Promise<Session>

/** How fast a transfer may go, and how far it is. */
export interface Pace {
  readonly onBytes: (bytes: number) => void
  /** Resolves when so many bytes may move. Rejects once the transfer is cut. */
  readonly may: (bytes: number) => Promise<void>
  /** For what is no standstill of the transfer, however long it takes. */
  readonly waitFor: <T>(work: Promise<T>) => Promise<T>
  /** Nothing moves now: others may. */
  readonly rest: () => void
  /** Resolves when so many bytes may be written to the channel. Rejects once the transfer is cut. */
  readonly room: (bytes: number) => Promise<void>
  /** To ask for at a time. */
  readonly pieceBytes: () => number
  /** Told of what comes here before it is written. */
  readonly onArrived?: (bytes: number) => void
}

export const PIECE_BYTES = 1024 * 1024
const STDERR_KEPT = 4096
const STALL_STEPS = 20
const CLOSE_TIMEOUT_MS = 2000

/** Runs `move` on a channel of its own; whatever fails, the channel is closed before this rejects. */
export async function withChannel<T>(
  openSession: OpenSession,
  commandLine: string,
  { signal, onBytes, stallMs = STALL_MS, turn, cut }: TransferOptions,
  move: (channel: ClientChannel, ended: Promise<void>, pace: Pace) => Promise<T>,
): Promise<T> {
  const { channel, exit, flow } = await openSession(commandLine, signal)
  let stderr = ''
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_KEPT)
  })
  const ended = exit.then((how) => checkExit(how, stderr))
  ended.catch(() => undefined)
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => undefined)
  const onAbort = (): void => aborted.reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  // Counted in steps: time in which this machine stood still is none in which the host was silent.
  let idleSteps = 0
  let waits = 0
  const onStep = (): void => {
    // Nor is time in which others come first.
    idleSteps = waits > 0 ? 0 : idleSteps + 1
    if (idleSteps < STALL_STEPS) return
    aborted.reject(stalledError(stallMs))
  }
  const watch = stallMs > 0 ? setInterval(onStep, stallMs / STALL_STEPS) : undefined
  const onMoved = (bytes: number): void => {
    idleSteps = 0
    onBytes?.(bytes)
  }
  const waitFor = async <T>(work: Promise<T>): Promise<T> => {
    waits += 1
    return await work.finally(() => {
      waits -= 1
    })
  }
  const wanted = cut === undefined || signal === undefined ? (cut ?? signal) : AbortSignal.any([signal, cut])
  let isOver = false
  const may = async (bytes: number): Promise<void> => {
    // Who comes late would have its turn for ever, and keep all others waiting.
    if (isOver) throw new Error('The transfer has ended')
    if (turn !== undefined) await waitFor(turn.take(bytes, wanted))
  }
  const room = async (bytes: number): Promise<void> =>
    await untilAborted(
      flow.room(bytes, (isStalled) => turn?.stall(isStalled)),
      wanted,
    )
  const pieceBytes = (): number => (turn === undefined ? PIECE_BYTES : Math.min(PIECE_BYTES, turn.pieceBytes()))
  try {
    return await Promise.race([
      move(channel, ended, { onBytes: onMoved, may, waitFor, rest: () => turn?.rest(), room, pieceBytes }),
      aborted.promise,
    ])
  } catch (error) {
    channel.signal('KILL')
    closeChannel(channel)
    // sshd holds a channel open while its command neither takes what was sent nor ends.
    await Promise.race([exit, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]).catch(() => undefined)
    throw error
  } finally {
    isOver = true
    clearInterval(watch)
    signal?.removeEventListener('abort', onAbort)
    turn?.rest()
  }
}
