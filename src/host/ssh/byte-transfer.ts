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
import type { TransferOptions } from '../host.ts'
import { skipUntil } from '../shell/skip-until.ts'
import { closeChannel } from './command-channel.ts'
import type { Session } from './standing-connection.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from './transfer-file.ts'

export interface GetOptions extends TransferOptions {
  /** The command line prints this before the first byte of the file: what login files print comes before it, and is dropped with it. */
  readonly after?: string | undefined
}

/** Opens a session for a command line on the lane for bulk bytes. */
export type OpenSession = (commandLine: string, signal?: AbortSignal) => Promise<Session>

const PIECE_BYTES = 1024 * 1024
/** Collected for the disk before the channel is paused; ssh2's window lets 2 MiB more come in. */
const MAX_COLLECTED_BYTES = 8 * PIECE_BYTES
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
  return await withChannel(openSession, commandLine, options, async (channel, ended, onBytes) => {
    channel.resume() // `cat > file` says nothing; what it says all the same must not block it
    const sentBytes = await Promise.race([send(file, channel, { ...options, onBytes }), ended.then(() => undefined)])
    if (sentBytes !== undefined) {
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
  const { offset = 0, isResumable = false } = options
  const file = offset > 0 ? await reopenTarget(controllerPath, offset) : await createTarget(controllerPath)
  try {
    const bytes = await withChannel(openSession, commandLine, options, async (channel, ended, onBytes) => {
      channel.end()
      const received = receive(channel, file, { ...options, onBytes })
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

/** Runs `move` on a channel of its own; whatever fails, the channel is closed before this rejects. */
async function withChannel<T>(
  openSession: OpenSession,
  commandLine: string,
  { signal, onBytes, stallMs = STALL_MS }: TransferOptions,
  move: (channel: ClientChannel, ended: Promise<void>, onBytes: (bytes: number) => void) => Promise<T>,
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
  const onStep = (): void => {
    idleSteps += 1
    if (idleSteps < STALL_STEPS) return
    aborted.reject(stalledError(stallMs))
  }
  const watch = stallMs > 0 ? setInterval(onStep, stallMs / STALL_STEPS) : undefined
  const onMoved = (bytes: number): void => {
    idleSteps = 0
    onBytes?.(bytes)
  }
  try {
    return await Promise.race([move(channel, ended, onMoved), aborted.promise])
  } catch (error) {
    channel.signal('KILL')
    closeChannel(channel)
    // sshd holds a channel open while its command neither takes what was sent nor ends.
    await Promise.race([exit, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]).catch(() => undefined)
    throw error
  } finally {
    clearInterval(watch)
    signal?.removeEventListener('abort', onAbort)
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

async function send(file: FileHandle, channel: ClientChannel, { offset = 0, onBytes, digest }: TransferOptions): Promise<number> {
  // Read into one while the other is on its way.
  let [current, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
  let sentBytes = offset
  let { bytesRead } = await file.read(current, 0, PIECE_BYTES, sentBytes)
  while (bytesRead > 0) {
    const piece = current.subarray(0, bytesRead)
    const reading = file.read(next, 0, PIECE_BYTES, sentBytes + piece.length)
    const writing = write(channel, piece)
    digest?.add(piece, sentBytes)
    const [, read] = await Promise.all([writing, reading])
    sentBytes += piece.length
    onBytes?.(sentBytes)
    bytesRead = read.bytesRead
    ;[current, next] = [next, current]
  }
  return sentBytes
}

/** Resolves when the channel's window has taken all of it. */
async function write(channel: ClientChannel, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => channel.write(piece, (error) => (error ? reject(error) : resolve())))
}

async function receive(channel: ClientChannel, file: FileHandle, options: GetOptions): Promise<number> {
  const { onBytes, after, maxBytes, offset = 0, digest } = options
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
      if (channel.isPaused()) channel.resume()
      await writeAll(file, pieces, bytes)
      for (const piece of pieces) {
        digest?.add(piece, writtenBytes)
        writtenBytes += piece.length
      }
      onBytes?.(writtenBytes)
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
    collected.push(chunk)
    collectedBytes += chunk.length
    if (collectedBytes < PIECE_BYTES) return
    if (writing === undefined) {
      writing = writeCollected()
      writing.catch(reject)
    } else if (collectedBytes > MAX_COLLECTED_BYTES) {
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
