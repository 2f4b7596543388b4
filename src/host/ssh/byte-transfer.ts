/**
 * Files over an exec channel: `cat` on the host, large pieces here. Measured against SFTP it is faster and needs no SFTP server.
 * Memory stays bounded both ways: a put waits for the channel's window, a get pauses the channel while the disk is behind.
 */

import { type FileHandle, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientChannel } from 'ssh2'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import type { ChannelExit } from '../channel.ts'
import type { Growth, TransferOptions } from '../host.ts'
import { skipUntil } from '../shell/skip-until.ts'
import { closeChannel } from './command-channel.ts'
import type { Session } from './standing-connection.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from './transfer-file.ts'

export interface GetOptions extends TransferOptions {
  /** The command line prints this before the first byte of the file: what login files print comes before it, and is dropped with it. */
  readonly after?: string | undefined
  /** A command line that does the same on demand; see `sendOnDemand`. */
  readonly onDemand?: string | undefined
  /** It grows meanwhile; needs `onDemand`. */
  readonly growth?: Growth | undefined
}

/** Opens a session for a command line on the lane for bulk bytes. */
export type OpenSession = (commandLine: string, signal?: AbortSignal) => Promise<Session>

const PIECE_BYTES = 1024 * 1024
/** Collected for the disk before the channel is paused; ssh2's window lets 2 MiB more come in. */
const MAX_COLLECTED_BYTES = 8 * PIECE_BYTES
/** On a limited rate 0.4 s, which is more than the way there and back takes. */
const PIECES_AHEAD = 8
const STDERR_KEPT = 4096
/** Of what login files print before the first byte of a file. */
const MAX_NOISE_BYTES = PIECE_BYTES
/** The disk at the far side may have to wake up, and a piece may take minutes on the slowest of links. */
export const STALL_MS = 300_000
const STALL_STEPS = 20
const CLOSE_TIMEOUT_MS = 2000

/**
 * Sends a file of the controller, or what it has behind `offset`, to the standard input of a command line, which must have the shell syntax already.
 * An end that comes too early looks like the end of the file over there: the command line, or a look at the file's size
 * afterwards, must tell the two apart. Resolves with the file's size when the command ended with status 0.
 * Rejects with SOURCE_UNREADABLE, SOURCE_CHANGED, TRANSFER_FAILED, HOST_LOST, or the signal's reason.
 */
export async function putBytes(
  openSession: OpenSession,
  commandLine: string,
  controllerPath: string,
  options: TransferOptions = {},
): Promise<number> {
  await using file = await openSource(controllerPath)
  const before = await file.stat()
  assertSendable(controllerPath, before.isFile())
  return await withChannel(openSession, commandLine, options, async (channel, ended, pace) => {
    channel.resume() // `cat > file` says nothing; what it says all the same must not block it
    const sentBytes = await Promise.race([send(file, channel, options, pace), ended.then(() => undefined)])
    if (sentBytes !== undefined) {
      options.turn?.rest()
      channel.end()
      const after = await file.stat()
      if (sentBytes !== after.size || after.mtimeMs !== before.mtimeMs) {
        throw changedError(controllerPath)
      }
    }
    await ended
    if (sentBytes === undefined) throw stoppedError(controllerPath)
    return sentBytes
  })
}

/**
 * Writes the standard output of a command line to a new file of the controller, mode 0600, or behind the `offset` bytes of one that an
 * earlier try left. Resolves with its size when the command ended with status 0 and the file is on the disk; else nothing is left of it,
 * unless the connection broke and the transfer is resumable.
 * Rejects with TRANSFER_FAILED, HOST_LOST, or the signal's reason.
 */
export async function getBytes(
  openSession: OpenSession,
  commandLine: string,
  controllerPath: string,
  options: GetOptions = {},
): Promise<number> {
  const { offset = 0, isResumable = false, onDemand, maxBytes, growth = toGrowth(maxBytes) } = options
  const file = offset > 0 ? await reopenTarget(controllerPath, offset) : await createTarget(controllerPath)
  const isAsked = onDemand !== undefined && growth !== undefined && (options.growth !== undefined || options.turn?.isMetered === true)
  try {
    const bytes = await withChannel(openSession, isAsked ? onDemand : commandLine, options, async (channel, ended, pace) => {
      if (!isAsked) channel.end()
      const demand = isAsked ? startDemand(channel, offset, growth, pace) : undefined
      const received = Promise.race([receive(channel, file, options, demand ?? pace), ...(demand === undefined ? [] : [demand.failed])])
      await Promise.race([Promise.all([received, ended]), received])
      await ended
      return await received
    })
    await file.sync()
    await file.close()
    return bytes
  } catch (error) {
    await file.close().catch(() => undefined)
    if (!(isResumable && isEncodeError(error, 'HOST_LOST'))) await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath, MAX_COLLECTED_BYTES)
  }
}

// What both movers say.

export function changedError(controllerPath: string): EncodeError {
  return new EncodeError('SOURCE_CHANGED', `"${controllerPath}" changed while it was sent`, {
    hint: 'Encode it when nothing writes to it any more',
  })
}

export function stoppedError(controllerPath: string): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `The host stopped taking "${controllerPath}" before its end`)
}

export function stalledError(stallMs: number): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `The host moved no byte for ${stallMs / 1000} s`, { hint: 'Look at its disk' })
}

/** @param maxBytes undefined: what comes is not the file at all. */
export function excessError(maxBytes: number | undefined): EncodeError {
  const what = maxBytes === undefined ? 'something else than the file' : `more than the ${maxBytes} B that it said the file has`
  return new EncodeError('TRANSFER_FAILED', `The host sends ${what}`, { hint: 'Does something else write that file there?' })
}

export function assertSendable(path: string, isFile: boolean): void {
  if (!isFile) throw new EncodeError('SOURCE_UNREADABLE', `"${path}" is not a file`)
}

function toGrowth(sizeBytes: number | undefined): Growth | undefined {
  return sizeBytes === undefined ? undefined : { more: async () => ({ sizeBytes, isWhole: true }) }
}

/** How fast a transfer may go, and how far it is. */
interface Pace {
  readonly onBytes: (bytes: number) => void
  /** Resolves when so many bytes may move. */
  readonly may: (bytes: number) => Promise<void>
  /** For what is no standstill of the transfer, however long it takes. */
  readonly waitFor: <T>(work: Promise<T>) => Promise<T>
  /** To ask for at a time. */
  readonly pieceBytes: () => number
  /** Told of what comes here before it is written. */
  readonly onArrived?: (bytes: number) => void
}

/** Runs `move` on a channel of its own; whatever fails, the channel is closed before this rejects. */
async function withChannel<T>(
  openSession: OpenSession,
  commandLine: string,
  { signal, onBytes, stallMs = STALL_MS, turn }: TransferOptions,
  move: (channel: ClientChannel, ended: Promise<void>, pace: Pace) => Promise<T>,
): Promise<T> {
  const { channel, exit } = await openSession(commandLine, signal)
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
  const may = async (bytes: number): Promise<void> => {
    if (turn !== undefined) await waitFor(turn.take(bytes, signal))
  }
  const pieceBytes = (): number => (turn === undefined ? PIECE_BYTES : Math.min(PIECE_BYTES, turn.pieceBytes()))
  try {
    return await Promise.race([move(channel, ended, { onBytes: onMoved, may, waitFor, pieceBytes }), aborted.promise])
  } catch (error) {
    channel.signal('KILL')
    closeChannel(channel)
    // sshd holds a channel open while its command neither takes what was sent nor ends.
    await Promise.race([exit, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]).catch(() => undefined)
    throw error
  } finally {
    clearInterval(watch)
    signal?.removeEventListener('abort', onAbort)
    turn?.rest()
  }
}

export function checkExit(exit: ChannelExit, stderr: string): void {
  if (exit.status === 0) return
  const how =
    exit.signal !== null
      ? `was ended by ${exit.signal}`
      : exit.status !== null
        ? `ended with status ${exit.status}`
        : 'ended without a status'
  const why = toPlainLine(stderr)
  throw new EncodeError('TRANSFER_FAILED', `The command that moves the bytes ${how}${why === '' ? '' : `: ${why}`}`, {
    hint: 'Check the free space and the permissions of the working folder on the host',
  })
}

async function send(file: FileHandle, channel: ClientChannel, { offset = 0, digest }: TransferOptions, pace: Pace): Promise<number> {
  // Read into one while the other is on its way.
  let [current, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
  let sentBytes = offset
  let { bytesRead } = await file.read(current, 0, pace.pieceBytes(), sentBytes)
  while (bytesRead > 0) {
    const piece = current.subarray(0, bytesRead)
    const reading = file.read(next, 0, pace.pieceBytes(), sentBytes + piece.length)
    const writing = pace.may(piece.length).then(() => write(channel, piece))
    digest?.add(piece, sentBytes)
    const [, read] = await Promise.all([writing, reading])
    sentBytes += piece.length
    pace.onBytes(sentBytes)
    bytesRead = read.bytesRead
    ;[current, next] = [next, current]
  }
  return sentBytes
}

/** Resolves when the channel's window has taken all of it. */
async function write(channel: ClientChannel, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => channel.write(piece, (error) => (error ? reject(error) : resolve())))
}

interface Demand extends Pace {
  /** Never resolves; rejects when no more can be asked for. */
  readonly failed: Promise<never>
}

/** Asks for the file piece by piece, some ahead of what has arrived. For who receives, all of it is paid for. */
function startDemand(channel: ClientChannel, offset: number, growth: Growth, pace: Pace): Demand {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  let askedBytes = offset
  let arrivedBytes = offset
  let onArrived: (() => void) | undefined

  async function ask(): Promise<void> {
    for (let isWhole = false; !isWhole; ) {
      const there = await pace.waitFor(growth.more(askedBytes))
      await askUpTo(there.sizeBytes)
      isWhole = there.isWhole
    }
    channel.end()
  }

  async function askUpTo(wantedBytes: number): Promise<void> {
    while (askedBytes < wantedBytes) {
      const bytes = Math.min(pace.pieceBytes(), wantedBytes - askedBytes)
      while (askedBytes - arrivedBytes > PIECES_AHEAD * bytes) {
        await new Promise<void>((resolve) => {
          onArrived = resolve
        })
      }
      await pace.may(bytes)
      askedBytes += bytes
      channel.write(`${bytes}\n`)
    }
  }
  ask().catch(reject)
  return {
    ...pace,
    may: async () => undefined,
    onArrived(bytes) {
      arrivedBytes += bytes
      if (arrivedBytes > askedBytes) reject(excessError(undefined))
      onArrived?.()
    },
    failed,
  }
}

async function receive(channel: ClientChannel, file: FileHandle, options: GetOptions, pace: Pace): Promise<number> {
  const { after, maxBytes, offset = 0, digest } = options
  // Under a limit the little that comes before it is asked for is what the channel itself lets come.
  const mostBytes = options.turn?.isMetered === true ? 0 : MAX_COLLECTED_BYTES
  const skip = after === undefined ? (chunk: Buffer) => chunk : skipUntil(after)
  let skippedBytes = 0
  let takenBytes = offset
  let collected: Buffer[] = []
  let collectedBytes = 0
  let writtenBytes = offset
  let writing: Promise<void> | undefined
  const { promise, resolve, reject } = Promise.withResolvers<number>()

  async function writeCollected(): Promise<void> {
    while (collectedBytes > 0) {
      const pieces = collected
      const bytes = collectedBytes
      collected = []
      collectedBytes = 0
      await pace.may(bytes)
      if (channel.isPaused()) channel.resume()
      await writeAll(file, pieces, bytes)
      for (const piece of pieces) {
        digest?.add(piece, writtenBytes)
        writtenBytes += piece.length
      }
      pace.onBytes(writtenBytes)
    }
    writing = undefined
  }
  channel.on('data', (arrived: Buffer) => {
    const chunk = skip(arrived)
    skippedBytes += arrived.length - chunk.length
    takenBytes += chunk.length
    if (skippedBytes > MAX_NOISE_BYTES || takenBytes > (maxBytes ?? Number.POSITIVE_INFINITY)) {
      channel.removeAllListeners('data').resume()
      return reject(excessError(skippedBytes > MAX_NOISE_BYTES ? undefined : maxBytes))
    }
    if (chunk.length === 0) return
    pace.onArrived?.(chunk.length)
    collected.push(chunk)
    collectedBytes += chunk.length
    if (collectedBytes < pace.pieceBytes()) return
    if (writing === undefined) {
      writing = writeCollected()
      writing.catch(reject)
    } else if (collectedBytes > mostBytes) {
      channel.pause()
    }
  })
  channel.once('end', () => {
    const finish = async (): Promise<number> => {
      await writing
      await writeCollected()
      return writtenBytes
    }
    finish().then(resolve, reject)
  })
  return await promise
}

async function writeAll(file: FileHandle, pieces: readonly Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(pieces)
  // A short write is rare (a full disk, a signal): what is left is written in one piece, or says why not.
  if (bytesWritten < bytes) await file.appendFile(Buffer.concat(pieces).subarray(bytesWritten))
}
