/**
 * A file's bytes over SFTP: many requests of 32 KiB on their way at once, in blocks of 1 MiB here, so that neither end waits for the other.
 * The file on the host is closed before this resolves: nobody there could open it before that.
 */

import { type FileHandle, unlink } from 'node:fs/promises'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { TransferOptions } from '../host.ts'
import { SFTP_PIECE_BYTES, type SftpFile, type SftpSession } from '../ssh/sftp-session.ts'
import { assertSendable, changedError, excessError, STALL_MS, stalledError } from '../ssh/transfer-errors.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from '../ssh/transfer-file.ts'

/** Opens a session of its own on the lane for bulk bytes. */
export type OpenBulkSftp = (signal?: AbortSignal) => Promise<SftpSession>

const BLOCK_BYTES = 1024 * 1024
/** One is on its way while the next is read or the last is written. */
const BLOCKS_UNDER_WAY = 3
const STALL_STEPS = 20

/** Rejects with SOURCE_UNREADABLE, SOURCE_CHANGED, TRANSFER_FAILED, HOST_LOST, or the signal's reason. */
export async function putOverSftp(
  openSession: OpenBulkSftp,
  controllerPath: string,
  sftpPath: string,
  options: TransferOptions = {},
): Promise<void> {
  const { offset = 0, digest, turn, signal } = options
  await using file = await openSource(controllerPath)
  const before = await file.stat()
  assertSendable(controllerPath, before.isFile())
  await withSession(openSession, options, async (session, onMoved) => {
    const target = await session.open(sftpPath, offset > 0 ? 'a' : 'w')
    let sentBytes = offset
    const underWay: Promise<void>[] = []
    for (let position = offset; ; ) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES)
      const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, position)
      if (bytesRead === 0) break
      const bytes = block.subarray(0, bytesRead)
      digest?.add(bytes, position)
      if (underWay.length >= BLOCKS_UNDER_WAY) await underWay.shift()
      await turn?.take(bytesRead, signal)
      const sending = sendBlock(target, bytes, position).then(() => {
        sentBytes += bytes.length
        onMoved(sentBytes)
      })
      sending.catch(() => undefined)
      underWay.push(sending)
      position += bytesRead
    }
    await Promise.all(underWay)
    turn?.rest()
    await target.close()
    const after = await file.stat()
    if (sentBytes !== after.size || after.mtimeMs !== before.mtimeMs) throw changedError(controllerPath)
  })
}

/** Into a new file of the controller, or behind the `offset` bytes of one; `maxBytes` is its size. Rejects as `getBytes` of byte-transfer.ts. */
export async function getOverSftp(
  openSession: OpenBulkSftp,
  sftpPath: string,
  controllerPath: string,
  options: TransferOptions & { readonly maxBytes: number },
): Promise<void> {
  const { offset = 0, isResumable = false } = options
  const file = offset > 0 ? await reopenTarget(controllerPath, offset) : await createTarget(controllerPath)
  try {
    await withSession(openSession, options, async (session, onMoved) => {
      const source = await session.open(sftpPath, 'r')
      await receive(source, file, options, onMoved)
      await source.close()
    })
    await file.sync()
    await file.close()
  } catch (error) {
    await file.close().catch(() => undefined)
    if (!(isResumable && isEncodeError(error, 'HOST_LOST'))) await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath)
  }
}

async function receive(
  source: SftpFile,
  file: FileHandle,
  { offset = 0, maxBytes, digest, turn, signal }: TransferOptions & { readonly maxBytes: number },
  onMoved: (bytes: number) => void,
): Promise<void> {
  const coming: Promise<Buffer>[] = []
  let asked = offset
  for (let written = offset; written < maxBytes; ) {
    while (asked < maxBytes && coming.length < BLOCKS_UNDER_WAY) {
      const sizeBytes = Math.min(BLOCK_BYTES, maxBytes - asked)
      await turn?.take(sizeBytes, signal)
      const block = receiveBlock(source, asked, sizeBytes)
      block.catch(() => undefined)
      coming.push(block)
      asked += BLOCK_BYTES
    }
    const block = (await coming.shift()) ?? Buffer.alloc(0)
    await file.appendFile(block)
    digest?.add(block, written)
    written += block.length
    onMoved(written)
  }
  turn?.rest()
  const beyond = await source.read(Buffer.alloc(1), maxBytes)
  if (beyond > 0) throw excessError(maxBytes)
}

/** Runs `move` on a session of its own; whatever fails, the session is ended before this rejects. */
async function withSession(
  openSession: OpenBulkSftp,
  { signal, onBytes, stallMs = STALL_MS }: TransferOptions,
  move: (session: SftpSession, onMoved: (bytes: number) => void) => Promise<void>,
): Promise<void> {
  const session = await openSession(signal)
  const stalled = new AbortController()
  const either = signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal])
  // Counted in steps: time in which this machine stood still is none in which the host was silent.
  let idleSteps = 0
  const onStep = (): void => {
    idleSteps += 1
    if (idleSteps >= STALL_STEPS) stalled.abort(stalledError(stallMs))
  }
  const watch = stallMs > 0 ? setInterval(onStep, stallMs / STALL_STEPS) : undefined
  let movedBytes = 0
  const moving = move(session, (bytes) => {
    idleSteps = 0
    movedBytes = bytes
    onBytes?.(bytes)
  })
  try {
    await untilAborted(moving, either)
  } catch (error) {
    if (!isEncodeError(error, 'COMMAND_FAILED')) throw error
    throw new EncodeError('TRANSFER_FAILED', error.message, {
      hint: isNearFatLimit(movedBytes)
        ? 'A drive with FAT32 holds no file of 4 GiB and more: set "working_dir:" of this host to a folder on another drive'
        : 'Check the free space and the permissions of the working folder on the host',
      cause: error,
    })
  } finally {
    clearInterval(watch)
    session.end()
    // It uses the files of both ends, which the caller may close or remove next.
    await moving.catch(() => undefined)
  }
}

/** Of what is on its way some has not been counted yet. */
function isNearFatLimit(movedBytes: number): boolean {
  return movedBytes > FAT_LIMIT_BYTES - 2 * BLOCKS_UNDER_WAY * BLOCK_BYTES && movedBytes <= FAT_LIMIT_BYTES
}

const FAT_LIMIT_BYTES = 2 ** 32

async function sendBlock(target: SftpFile, bytes: Buffer, position: number): Promise<void> {
  const sends: Promise<void>[] = []
  for (let at = 0; at < bytes.length; at += SFTP_PIECE_BYTES) {
    sends.push(target.write(bytes.subarray(at, at + SFTP_PIECE_BYTES), position + at))
  }
  await Promise.all(sends)
}

async function receiveBlock(source: SftpFile, position: number, sizeBytes: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(sizeBytes)
  const reads: Promise<void>[] = []
  for (let at = 0; at < sizeBytes; at += SFTP_PIECE_BYTES) {
    reads.push(receivePiece(source, block.subarray(at, at + SFTP_PIECE_BYTES), position + at))
  }
  await Promise.all(reads)
  return block
}

/** A server may give less than it is asked for. */
async function receivePiece(source: SftpFile, piece: Buffer, position: number): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    const bytes = await source.read(piece.subarray(at), position + at)
    if (bytes === 0) throw new EncodeError('TRANSFER_FAILED', `The file on the host ended ${piece.length - at} B before the size it had`)
    at += bytes
  }
}
