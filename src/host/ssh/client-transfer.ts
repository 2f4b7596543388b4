/**
 * Files of which the system's OpenSSH client moves the rest: it has the file's descriptor, and half of what the bytes cost here is saved. All go
 * over the connection that stands until this process is what holds them up, and while the client makes one of its own. The contract is that of
 * `byte-transfer.ts`.
 *
 * Both connections write to one file, and never at a time: the client goes on when what moved the beginning has ended on either side,
 * from the byte on up to which that was seen to have come.
 */

import { type FileHandle, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isEncodeError } from '../../core/errors.ts'
import type { TransferOptions } from '../host.ts'
import type { DirectCommand } from '../shell/bulk-shell.ts'
import { untilBusy } from './busy-process.ts'
import { type Client, ClientUnfit, lostError, type StandbyOptions, seek, startStandby, tellPlace } from './standby.ts'
import { assertSendable, changedError, excessError, stoppedError } from './transfer-errors.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from './transfer-file.ts'

export interface ClientTransferOptions extends TransferOptions {
  readonly direct: DirectCommand
  /** Told once, when the client turns out not to be of use: what moved the beginning then moves all. */
  readonly onUnfit: (why: string) => void
  /** Told when it stood and then did not go on. Its connection may have broken meanwhile: waiting for its turn it says nothing, for minutes. */
  readonly onFaltered: (why: string) => void
}

/**
 * Moves the beginning of the file, or of what it has behind the offset, until it is told to leave off; all of it where nobody will tell.
 * Resolves, when nothing of it is on its way any more, with how far it came in the file, where the file's descriptor stands then.
 */
export type Begin = (until: AbortSignal | undefined, file: FileHandle) => Promise<number>

/** See `putBytes`. */
export async function putThroughClient(
  client: Client,
  controllerPath: string,
  begin: Begin,
  options: ClientTransferOptions,
): Promise<number> {
  await using file = await openSource(controllerPath)
  const before = await file.stat()
  assertSendable(controllerPath, before.isFile())
  const isPlaced = await seek(file, options.offset ?? 0)
  if (!isPlaced) options.onUnfit('the position of a descriptor cannot be told here')
  const sentBytes = await moveInTwo(isPlaced ? client : undefined, file, begin, { ...options, toHost: true, wholeBytes: before.size })
  if (options.cut?.aborted === true && sentBytes < before.size) return sentBytes
  const after = await file.stat()
  if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changedError(controllerPath)
  if (sentBytes !== after.size) throw stoppedError(controllerPath)
  return sentBytes
}

/** See `getBytes`. */
export async function getThroughClient(
  client: Client,
  controllerPath: string,
  begin: Begin,
  options: ClientTransferOptions & { readonly maxBytes: number },
): Promise<number> {
  const { offset = 0, maxBytes, isResumable = false } = options
  const file = offset > 0 ? await reopenTarget(controllerPath, offset) : await createTarget(controllerPath)
  try {
    const bytes = await moveInTwo(client, file, begin, { ...options, toHost: false, wholeBytes: maxBytes }).catch(
      async (error: unknown) => {
        // The client only stops taking more; the host's side of it then ends in one way or another.
        throw isEncodeError(error, 'TRANSFER_FAILED') && (await isFull(dirname(controllerPath))) ? fullError() : error
      },
    )
    if (bytes > maxBytes) throw excessError(maxBytes)
    await file.sync()
    await file.close()
    return bytes
  } catch (error) {
    const bytes = await file.stat().then(
      ({ size }) => size,
      () => 0,
    )
    await file.close().catch(() => undefined)
    const isKept = isResumable && isEncodeError(error, 'HOST_LOST')
    if (!isKept || bytes > maxBytes) await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath)
  }
}

/** Resolves with how far it came in the file: less than all of it once it was cut. */
async function moveInTwo(
  client: Client | undefined,
  file: FileHandle,
  begin: Begin,
  options: StandbyOptions & ClientTransferOptions,
): Promise<number> {
  const { toHost, wholeBytes, cut, onUnfit, onFaltered } = options
  const isCut = (): boolean => cut?.aborted === true
  if (client === undefined) return await begin(undefined, file)
  const [isReady, isOver] = [new AbortController(), new AbortController()]
  const beginning = begin(isReady.signal, file).finally(() => isOver.abort())
  if (!(await untilBusy(client.fromBusyRatio, isOver.signal))) return await beginning
  await using standby = startStandby(client, file, options)
  standby.ready.then(
    () => isReady.abort(),
    (error: unknown) => {
      if (error instanceof ClientUnfit) onUnfit(error.message)
    },
  )
  const begunBytes = await beginning
  if (begunBytes >= wholeBytes || isCut() || !isReady.signal.aborted) return begunBytes
  try {
    await standby.goOn(begunBytes)
  } catch (error) {
    // What was on its way is lost with the client; the host knows how much it has.
    if (isCut() && error === cut?.reason) return begunBytes
    if (!(error instanceof ClientUnfit)) throw error
    onFaltered(error.message)
    throw lostError(error.message)
  }
  return await tellPlace(file, toHost, begunBytes)
}

async function isFull(folder: string): Promise<boolean> {
  const space = await statfs(folder).catch(() => undefined)
  return space !== undefined && space.blocks > 0 && space.bavail === 0
}

/** As a write of our own would have failed. */
function fullError(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
}
