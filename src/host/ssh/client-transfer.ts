/**
 * Files through the system's OpenSSH client: it has the file's descriptor, and half of what the bytes cost here is saved. The contract is
 * that of `byte-transfer.ts`, with one outcome more: `ClientUnfit`, nothing was touched on either side, and ssh2 can do the same.
 *
 * How far it is, the file tells: its size, or the position of the descriptor, which both processes share.
 */

import { spawn } from 'node:child_process'
import { type FileHandle, readFile, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import type { TransferOptions } from '../host.ts'
import type { DirectCommand } from '../shell/bulk-shell.ts'
import { type ClientProcess, startClientProcess } from './client-process.ts'
import { throughGate } from './connection-gate.ts'
import { assertSendable, changedError, checkExit, excessError, STALL_MS, stalledError, stoppedError } from './transfer-errors.ts'
import { createTarget, openSource, reopenTarget, toDiskError } from './transfer-file.ts'

export interface Client {
  readonly program: string
  /** Up to the command line for the host. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whose handshakes are counted together. */
  readonly address: string
  /** For everything up to the first byte. */
  readonly beginMs: number
  /** Runs a command line over another connection, and waits for it, but not for ever. */
  readonly run: (commandLine: string) => Promise<void>
}

export interface ClientTransferOptions extends TransferOptions {
  readonly direct: DirectCommand
}

/** The client did not get as far as the file. */
export class ClientUnfit extends Error {
  override readonly name = 'ClientUnfit'
}

const LOOK_EVERY_MS = 200
/** What ssh says of its own failures, and of a command that a signal ended. */
const SSH_FAILED = 255

/** See `putBytes`. */
export async function putThroughClient(client: Client, controllerPath: string, options: ClientTransferOptions): Promise<number> {
  const { offset = 0 } = options
  await using file = await openSource(controllerPath)
  const before = await file.stat()
  assertSendable(controllerPath, before.isFile())
  if (!(await seek(file, offset))) throw new ClientUnfit('the position of a descriptor cannot be told here')
  const where = async (): Promise<number> => (await tellPosition(file)) ?? offset
  try {
    await move(client, file, { ...options, toHost: true, wholeBytes: before.size, where })
  } catch (error) {
    // What was on its way is lost with the client; the host knows how much it has.
    if (options.cut?.aborted === true && error === options.cut.reason) return offset
    throw error
  }
  const after = await file.stat()
  const sentBytes = await tellPosition(file)
  if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) throw changedError(controllerPath)
  if (sentBytes !== after.size) throw stoppedError(controllerPath)
  return sentBytes
}

/** See `getBytes`. */
export async function getThroughClient(
  client: Client,
  controllerPath: string,
  options: ClientTransferOptions & { readonly maxBytes: number },
): Promise<number> {
  const { offset = 0, maxBytes, isResumable = false } = options
  const file = offset > 0 ? await reopenTarget(controllerPath, offset) : await createTarget(controllerPath)
  const where = async (): Promise<number> => (await file.stat()).size
  try {
    await move(client, file, { ...options, toHost: false, wholeBytes: maxBytes, where }).catch(async (error: unknown) => {
      // The client only stops taking more; the host's side of it then ends in one way or another.
      throw isEncodeError(error, 'TRANSFER_FAILED') && (await isFull(dirname(controllerPath))) ? fullError() : error
    })
    const bytes = await where()
    if (bytes > maxBytes) throw excessError(maxBytes)
    await file.sync()
    await file.close()
    return bytes
  } catch (error) {
    const bytes = await where().catch(() => 0)
    await file.close().catch(() => undefined)
    const isKept = (isResumable && isEncodeError(error, 'HOST_LOST')) || (error instanceof ClientUnfit && offset > 0)
    if (!isKept || bytes > maxBytes) await unlink(controllerPath).catch(() => undefined)
    throw toDiskError(error, controllerPath)
  }
}

interface Move extends ClientTransferOptions {
  readonly toHost: boolean
  /** With which nothing more is to come. */
  readonly wholeBytes: number
  /** How far it is in the file. */
  readonly where: () => Promise<number>
}

/** Resolves when the command line has ended with status 0; whatever else happens, nothing of it runs here any more when this rejects. */
async function move(client: Client, file: FileHandle, options: Move): Promise<void> {
  const { signal, cut, direct, offset = 0, where, turn } = options
  signal?.throwIfAborted()
  cut?.throwIfAborted()
  let hasBegun = false
  const begun = Promise.withResolvers<void>()
  let moving: ClientProcess | undefined
  const watched = new AbortController()
  const stop = (reason: unknown): void => {
    watched.abort(reason)
    begun.resolve()
  }
  const onAbort = (): void => stop(signal?.reason)
  const onCut = (): void => stop(cut?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  cut?.addEventListener('abort', onCut, { once: true })
  try {
    const started = await throughGate(client.address, signal, async () => {
      const running = startClientProcess({
        program: client.program,
        argv: [...client.argv, direct.commandLine],
        env: client.env,
        stdin: options.toHost ? file.fd : undefined,
        stdout: options.toHost ? undefined : file.fd,
        maxFileBytes: options.toHost ? undefined : options.maxBytes,
        mark: direct.mark,
        onMark() {
          hasBegun = true
          begun.resolve()
        },
      })
      moving = running
      if (signal?.aborted === true) onAbort()
      const patience = setTimeout(() => stop(new ClientUnfit(`it came to nothing within ${client.beginMs / 1000} s`)), client.beginMs)
      await Promise.race([begun.promise, running.ended])
      clearTimeout(patience)
      return running
    })
    const status = await untilEnded(started, watched, options)
    if (status === 0 && hasBegun) return
    throw await toFailure(status, { said: started.said(), hasBegun, hasMoved: (await where()) !== offset, options })
  } catch (error) {
    await moving?.kill()
    // sshd notices by itself that the client is gone, but the caller may want to remove the file at once, or send it in another way:
    // a login shell that was slow to begin must not come after that.
    if (moving !== undefined && !isEncodeError(error, 'HOST_LOST')) await client.run(direct.endCommandLine)
    if (error instanceof ClientUnfit && (await where()) !== offset) throw lostError(error.message)
    throw error
  } finally {
    turn?.rest()
    signal?.removeEventListener('abort', onAbort)
    cut?.removeEventListener('abort', onCut)
  }
}

/** Rejects with the reason of `stopped`, or when nothing has moved for too long; then the process is still there. */
async function untilEnded(
  moving: ClientProcess,
  stopped: AbortController,
  { where, onBytes, stallMs = STALL_MS, offset = 0, turn, wholeBytes }: Move,
): Promise<number> {
  const everyMs = stallMs > 0 ? Math.min(LOOK_EVERY_MS, stallMs / 4) : LOOK_EVERY_MS
  let last = offset
  let isHeld = false
  let isOver = false
  const tell = (position: number): void => {
    if (position !== last) onBytes?.(position)
    if (!isOver) turn?.count(Math.max(0, position - last))
    last = position
    if (isOver || position < wholeBytes) return
    // What is left is the host's to say: others need not wait for that.
    isOver = true
    isHeld = false
    moving.hold(false)
    turn?.rest()
  }
  // Counted in steps: time in which this machine stood still is none in which the host was silent.
  let idleMs = 0
  let isLooking = false
  const look = async (): Promise<void> => {
    const position = await where()
    idleMs = position === last && !isHeld ? idleMs + everyMs : 0
    tell(position)
    if (stallMs > 0 && idleMs >= stallMs) stopped.abort(stalledError(stallMs))
  }
  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    look()
      .catch((error: unknown) => stopped.abort(error))
      .finally(() => {
        isLooking = false
      })
  }, everyMs)
  const { signal } = stopped
  // Not before it has begun: a handshake that stands still would be taken for one that fails.
  using _holding = turn?.watch((isNow) => {
    isHeld = isNow
    moving.hold(isNow)
  })
  try {
    const status = await new Promise<number>((resolve, reject) => {
      const onStop = (): void => reject(signal.reason)
      signal.addEventListener('abort', onStop, { once: true })
      if (signal.aborted) onStop()
      moving.ended.then(resolve, reject)
    })
    tell(await where())
    return status
  } finally {
    clearInterval(timer)
  }
}

interface Failure {
  readonly said: string
  readonly hasBegun: boolean
  readonly hasMoved: boolean
  readonly options: Move
}

async function toFailure(status: number, { said, hasBegun, hasMoved, options }: Failure): Promise<unknown> {
  if (!hasBegun) return hasMoved ? lostError(said) : new ClientUnfit(said === '' ? `it ended with status ${status}` : said)
  const { maxBytes } = options
  if (!options.toHost && maxBytes !== undefined && (await options.where()) >= maxBytes) return excessError(maxBytes)
  // It gives its reason for losing a connection, and none for a command that a signal ended.
  if (status === SSH_FAILED && said !== '') return lostError(said)
  try {
    checkExit(status === SSH_FAILED ? { status: null, signal: 'a signal' } : { status, signal: null }, said)
  } catch (error) {
    return error
  }
  return undefined
}

function lostError(said: string): EncodeError {
  return new EncodeError('HOST_LOST', `The connection that moves the bytes broke${said === '' ? '' : `: ${said}`}`, {
    hint: 'Check the host and the network to it',
  })
}

async function isFull(folder: string): Promise<boolean> {
  const space = await statfs(folder).catch(() => undefined)
  return space !== undefined && space.blocks > 0 && space.bavail === 0
}

/** As a write of our own would have failed. */
function fullError(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
}

/** Undefined where the system does not say. */
async function tellPosition({ fd }: FileHandle): Promise<number | undefined> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '')
  const digits = /^pos:\s*(\d+)$/m.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Node cannot set a descriptor's position; dd can, and shares it. */
async function seek(file: FileHandle, offset: number): Promise<boolean> {
  if (offset > 0) {
    await new Promise<void>((resolve) => {
      const child = spawn('dd', ['bs=1', `skip=${offset}`, 'count=0'], { stdio: [file.fd, 'ignore', 'ignore'] })
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    })
  }
  return (await tellPosition(file)) === offset
}
