/**
 * Files over an exec channel: `cat` on the host, large pieces here. Measured against SFTP it is faster and needs no SFTP server.
 * Memory stays bounded both ways: a put waits for the channel's window, a get pauses the channel while the disk is behind.
 */

import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientChannel } from 'ssh2'
import { EncodeError } from '../../core/errors.ts'
import { toPlainLine } from '../../core/text.ts'
import { formatBytes } from '../../core/units.ts'
import type { ChannelExit } from '../channel.ts'
import type { TransferOptions } from '../host.ts'
import { skipUntil } from '../shell/skip-until.ts'
import { closeChannel } from './command-channel.ts'
import type { Session } from './connection.ts'

export interface GetOptions extends TransferOptions, StallOptions {
  /** The command line prints this before the first byte of the file: what login files print comes before it, and is dropped with it. */
  readonly after?: string | undefined
}

export interface StallOptions {
  /** A transfer of which nothing moves for so long has failed; 5 minutes unless told. */
  readonly stallMs?: number | undefined
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
const STALL_MS = 300_000
const STALL_STEPS = 20
const CLOSE_TIMEOUT_MS = 2000

/**
 * Sends a file of the controller to the standard input of a command line, which must have the shell syntax already.
 * An end that comes too early looks like the end of the file over there: the command line, or a look at the file's size
 * afterwards, must tell the two apart. Resolves with the bytes sent when the command ended with status 0.
 * Rejects with SOURCE_UNREADABLE, SOURCE_CHANGED, TRANSFER_FAILED, HOST_LOST, or the signal's reason.
 */
export async function putBytes(
  openSession: OpenSession,
  commandLine: string,
  controllerPath: string,
  options: TransferOptions & StallOptions = {},
): Promise<number> {
  await using file = await openSource(controllerPath)
  const before = await file.stat()
  if (!before.isFile()) throw new EncodeError('SOURCE_UNREADABLE', `"${controllerPath}" is not a file`)
  return await withChannel(openSession, commandLine, options, async (channel, ended, onBytes) => {
    channel.resume() // `cat > file` says nothing; what it says all the same must not block it
    const sentBytes = await Promise.race([send(file, channel, onBytes), ended.then(() => undefined)])
    if (sentBytes !== undefined) {
      channel.end()
      const after = await file.stat()
      if (sentBytes !== after.size || after.mtimeMs !== before.mtimeMs) {
        throw new EncodeError('SOURCE_CHANGED', `"${controllerPath}" changed while it was sent`, {
          hint: 'Encode it when nothing writes to it any more',
        })
      }
    }
    await ended
    if (sentBytes === undefined) throw new EncodeError('TRANSFER_FAILED', `The host stopped taking "${controllerPath}" before its end`)
    return sentBytes
  })
}

/**
 * Writes the standard output of a command line to a new file of the controller, mode 0600. Resolves with its size when the command
 * ended with status 0 and the file is on the disk; else nothing is left of it.
 * Rejects with TRANSFER_FAILED, HOST_LOST, or the signal's reason.
 */
export async function getBytes(
  openSession: OpenSession,
  commandLine: string,
  controllerPath: string,
  options: GetOptions = {},
): Promise<number> {
  const file = await createTarget(controllerPath)
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
    await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath)
  }
}

/** Runs `move` on a channel of its own; whatever fails, the channel is closed before this rejects. */
async function withChannel<T>(
  openSession: OpenSession,
  commandLine: string,
  { signal, onBytes, stallMs = STALL_MS }: TransferOptions & StallOptions,
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
  const watch = setInterval(() => {
    idleSteps += 1
    if (idleSteps < STALL_STEPS) return
    aborted.reject(new EncodeError('TRANSFER_FAILED', `The host moved no byte for ${stallMs / 1000} s`, { hint: 'Look at its disk' }))
  }, stallMs / STALL_STEPS)
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

function checkExit(exit: ChannelExit, stderr: string): void {
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

async function send(file: FileHandle, channel: ClientChannel, onBytes: ((bytes: number) => void) | undefined): Promise<number> {
  // Read into one while the other is on its way.
  let [current, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
  let sentBytes = 0
  let { bytesRead } = await file.read(current, 0, PIECE_BYTES)
  while (bytesRead > 0) {
    const piece = current.subarray(0, bytesRead)
    const [, read] = await Promise.all([write(channel, piece), file.read(next, 0, PIECE_BYTES)])
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

async function receive(channel: ClientChannel, file: FileHandle, { onBytes, after, maxBytes }: GetOptions): Promise<number> {
  const skip = after === undefined ? (chunk: Buffer) => chunk : skipUntil(after)
  let skippedBytes = 0
  let takenBytes = 0
  let collected: Buffer[] = []
  let collectedBytes = 0
  let writtenBytes = 0
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
      writtenBytes += bytes
      onBytes?.(writtenBytes)
    }
    writing = undefined
  }
  channel.on('data', (arrived: Buffer) => {
    const chunk = skip(arrived)
    skippedBytes += arrived.length - chunk.length
    takenBytes += chunk.length
    if (skippedBytes > MAX_NOISE_BYTES || takenBytes > (maxBytes ?? Number.POSITIVE_INFINITY)) {
      const what = skippedBytes > MAX_NOISE_BYTES ? 'something else than the file' : `more than the ${maxBytes} B that it said the file has`
      channel.removeAllListeners('data').resume()
      return reject(new EncodeError('TRANSFER_FAILED', `The host sends ${what}`, { hint: 'Does something else write that file there?' }))
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

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw new EncodeError('SOURCE_UNREADABLE', `"${path}" cannot be read: ${toPlainLine(String(cause))}`, {
      hint: 'Check the path and its permissions',
      cause,
    })
  }
}

async function createTarget(path: string): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  try {
    return await open(path, O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0), 0o600)
  } catch (cause) {
    throw toDiskError(cause, path)
  }
}

function toDiskError(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof EncodeError || code === undefined || syscall === undefined) return error
  const why = code === 'ENOSPC' ? 'the disk is full' : code === 'EEXIST' ? 'something of that name exists' : toPlainLine(String(error))
  return new EncodeError('TRANSFER_FAILED', `"${path}" cannot be written: ${why}`, {
    hint:
      code === 'ENOSPC'
        ? `Make room; up to ${formatBytes(MAX_COLLECTED_BYTES)} of it were waiting to be written`
        : 'Check the folder and its permissions',
    cause: error,
  })
}
