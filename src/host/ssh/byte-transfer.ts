/**
 * Files over an exec channel: `cat` on the host, large pieces here. Measured against SFTP it is faster and needs no SFTP server.
 * Memory stays bounded both ways: a put waits for the channel's window, a get pauses the channel while the disk is behind.
 */

import { type FileHandle, unlink } from 'node:fs/promises'
import type { ClientChannel } from 'ssh2'
import { isEncodeError } from '../../core/errors.ts'
import type { Growth, TransferOptions } from '../host.ts'
import { skipUntil } from '../shell/skip-until.ts'
import { closeChannel } from './command-channel.ts'
import { startDemand } from './start-demand.ts'
import { type OpenSession, type Pace, PIECE_BYTES, withChannel } from './transfer-channel.ts'
import { assertSendable, changedError, excessError, stoppedError } from './transfer-errors.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from './transfer-file.ts'

export interface GetOptions extends TransferOptions {
  /** The command line prints this before the first byte of the file: what login files print comes before it, and is dropped with it. */
  readonly after?: string | undefined
  /** A command line that does the same on demand; see `sendOnDemand`. */
  readonly onDemand?: string | undefined
  /** It grows meanwhile; needs `onDemand`. */
  readonly growth?: Growth | undefined
  /** How long the host may give nothing of what was asked for; see `startDemand`. */
  readonly answerMs?: number | undefined
  /** Once aborted, it leaves off behind what stands in the file, and what is on its way is dropped: somebody else goes on there. */
  readonly until?: AbortSignal | undefined
}

export interface SendOptions extends TransferOptions {
  /**
   * Once aborted, it leaves off behind what it has read, so that somebody else goes on where the descriptor stands: it reads from there, and
   * begins where it stands.
   */
  readonly until?: AbortSignal | undefined
}

/** Collected for the disk before the channel is paused; ssh2's window lets 2 MiB more come in. */
const MAX_COLLECTED_BYTES = 8 * PIECE_BYTES
/** Of what login files print before the first byte of a file. */
const MAX_NOISE_BYTES = PIECE_BYTES

/**
 * Sends a file of the controller, or what it has behind `offset`, to the standard input of a command line, which must have the shell syntax already.
 * An end that comes too early looks like the end of the file over there: the command line, or a look at the file's size
 * afterwards, must tell the two apart. Resolves with the file's size when the command ended with status 0, or with less of it once it was cut.
 * Rejects with SOURCE_UNREADABLE, SOURCE_CHANGED, TRANSFER_FAILED, HOST_LOST, or the signal's reason.
 */
export async function putBytes(
  openSession: OpenSession,
  commandLine: string,
  controllerPath: string,
  options: TransferOptions = {},
): Promise<number> {
  await using file = await openSource(controllerPath)
  assertSendable(controllerPath, (await file.stat()).isFile())
  return await sendBytes(openSession, commandLine, file, controllerPath, options)
}

/** As `putBytes`, from a file that is open and stays so. */
export async function sendBytes(
  openSession: OpenSession,
  commandLine: string,
  file: FileHandle,
  controllerPath: string,
  options: SendOptions,
): Promise<number> {
  const before = await file.stat()
  return await withChannel(openSession, commandLine, options, async (channel, ended, pace) => {
    channel.resume() // `cat > file` says nothing; what it says all the same must not block it
    const sentBytes = await Promise.race([send(file, channel, options, pace), ended.then(() => undefined)])
    if (sentBytes !== undefined) {
      options.turn?.rest()
      channel.end()
      const after = await file.stat()
      const leavesOff = options.cut?.aborted === true || options.until?.aborted === true
      const isWhole = sentBytes === after.size || (leavesOff && sentBytes < after.size)
      if (!isWhole || after.mtimeMs !== before.mtimeMs) throw changedError(controllerPath)
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
    const bytes = await receiveBytes(openSession, commandLine, file, options)
    await file.sync()
    await file.close()
    return bytes
  } catch (error) {
    await file.close().catch(() => undefined)
    if (!(isResumable && isEncodeError(error, 'HOST_LOST'))) await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath, MAX_COLLECTED_BYTES)
  }
}

/** As `getBytes`, to the end of a file that is open and stays so. */
export async function receiveBytes(openSession: OpenSession, commandLine: string, file: FileHandle, options: GetOptions): Promise<number> {
  const { offset = 0, onDemand, maxBytes, growth = toGrowth(maxBytes), until } = options
  const isAsked = onDemand !== undefined && growth !== undefined && (options.growth !== undefined || options.turn?.isMetered === true)
  return await withChannel(openSession, isAsked ? onDemand : commandLine, { ...options, cut: until }, async (channel, ended, pace) => {
    if (!isAsked) channel.end()
    const demand = isAsked ? startDemand(channel, { offset, growth, pace, answerMs: options.answerMs }) : undefined
    const received = Promise.race([receive(channel, file, options, demand ?? pace), ...(demand === undefined ? [] : [demand.failed])])
    await Promise.race([Promise.all([received, ended]), received])
    if (until?.aborted === true) closeChannel(channel)
    else await ended
    return await received
  })
}

function toGrowth(sizeBytes: number | undefined): Growth | undefined {
  return sizeBytes === undefined ? undefined : { more: async () => ({ sizeBytes, isWhole: true }) }
}

async function send(
  file: FileHandle,
  channel: ClientChannel,
  { offset = 0, digest, cut, until }: SendOptions,
  pace: Pace,
): Promise<number> {
  const read = async (piece: Buffer, at: number): Promise<{ readonly bytesRead: number }> => {
    if (until?.aborted === true) return { bytesRead: 0 }
    return await file.read(piece, 0, pace.pieceBytes(), until === undefined ? at : null)
  }
  // Read into one while the other is on its way.
  let [current, next] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)]
  let sentBytes = offset
  let { bytesRead } = await read(current, sentBytes)
  while (bytesRead > 0) {
    const piece = current.subarray(0, bytesRead)
    const reading = read(next, sentBytes + piece.length)
    const mayGoOn = unlessCut(cut, async () => {
      await pace.room(piece.length)
      await pace.may(piece.length)
    })
    const writing = mayGoOn.then(async (mayGo) => {
      if (mayGo) await write(channel, piece)
      return mayGo
    })
    digest?.add(piece, sentBytes)
    const [ahead, isSent] = await Promise.all([reading, writing])
    if (!isSent) break
    sentBytes += piece.length
    pace.onBytes(sentBytes)
    bytesRead = ahead.bytesRead
    ;[current, next] = [next, current]
  }
  return sentBytes
}

/** False once it is cut. */
async function unlessCut(cut: AbortSignal | undefined, wait: () => Promise<void>): Promise<boolean> {
  const isCut = (): boolean => cut?.aborted === true
  if (isCut()) return false
  try {
    await wait()
    return !isCut()
  } catch (error) {
    if (isCut()) return false
    throw error
  }
}

/** Resolves when the channel's window has taken all of it. */
async function write(channel: ClientChannel, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => channel.write(piece, (error) => (error ? reject(error) : resolve())))
}

async function receive(channel: ClientChannel, file: FileHandle, options: GetOptions, pace: Pace): Promise<number> {
  const { after, maxBytes, offset = 0, digest, until } = options
  const skip = after === undefined ? (chunk: Buffer) => chunk : skipUntil(after)
  let skippedBytes = 0
  let takenBytes = offset
  let collected: Buffer[] = []
  let collectedBytes = 0
  let writtenBytes = offset
  let writing: Promise<void> | undefined
  let isItsTurn = true
  let isOver = false
  const { promise, resolve, reject } = Promise.withResolvers<number>()

  async function writeCollected(): Promise<void> {
    while (collectedBytes > 0) {
      const pieces = collected
      const bytes = collectedBytes
      collected = []
      collectedBytes = 0
      isItsTurn = false
      isItsTurn = await unlessCut(until, async () => await pace.may(bytes))
      if (!isItsTurn) return
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
    } else if (collectedBytes > (isItsTurn ? MAX_COLLECTED_BYTES : 0)) {
      // While others come first no more comes than what the channel itself lets come.
      channel.pause()
    }
  })
  const writeRest = async (): Promise<number> => {
    await writing
    await writeCollected()
    return writtenBytes
  }
  const end = (): void => {
    if (!isOver) writeRest().then(resolve, reject)
    isOver = true
  }
  channel.once('end', end)
  const leaveOff = (): void => {
    if (isOver) return
    channel.removeAllListeners('data').resume()
    collected = []
    collectedBytes = 0
    end()
  }
  until?.addEventListener('abort', leaveOff, { once: true })
  if (until?.aborted === true) leaveOff()
  return await promise.finally(() => until?.removeEventListener('abort', leaveOff))
}

async function writeAll(file: FileHandle, pieces: readonly Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(pieces)
  // A short write is rare (a full disk, a signal): what is left is written in one piece, or says why not.
  if (bytesWritten < bytes) await file.appendFile(Buffer.concat(pieces).subarray(bytesWritten))
}
