/**
 * A run of the system's OpenSSH client that makes its connection while a file's first bytes go over another one, and goes on where that one
 * leaves off. Until it is told to, it reads nothing of the file, writes nothing to it, and the host does nothing but wait.
 *
 * How far it is, the file tells: its size, or the position of the descriptor, which both processes share.
 */

import { spawn } from 'node:child_process'
import { type FileHandle, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { TransferOptions } from '../host.ts'
import type { DirectCommand } from '../shell/bulk-shell.ts'
import { type ClientProcess, startClientProcess } from './client-process.ts'
import { throughGate } from './connection-gate.ts'
import { checkExit, excessError, STALL_MS, stalledError } from './transfer-errors.ts'

export interface Client {
  readonly program: string
  /** Up to the command line for the host. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whose handshakes are counted together. */
  readonly address: string
  /** It is worth its connection where this process is at work for so much of its time, 0 to 1. */
  readonly fromBusyRatio: number
  /** For everything up to where it waits, and from there to where it goes on. */
  readonly beginMs: number
  /** Runs a command line over another connection, and waits for it, but not for ever. */
  readonly run: (commandLine: string) => Promise<void>
}

export interface StandbyOptions extends Pick<TransferOptions, 'signal' | 'cut' | 'onBytes' | 'stallMs' | 'turn' | 'maxBytes'> {
  readonly direct: DirectCommand
  readonly toHost: boolean
  /** With which nothing more is to come. */
  readonly wholeBytes: number
}

export interface Standby extends AsyncDisposable {
  /** Resolves once it was let in, and waits. Rejects with ClientUnfit where that comes to nothing, or the signal's reason. */
  readonly ready: Promise<void>
  /**
   * Moves what the file has behind `offset`. Resolves when the command line has ended with status 0; whatever else happens, nothing of it runs
   * here any more when this rejects: with HOST_LOST, TRANSFER_FAILED, or the reason of `signal` or `cut`.
   */
  goOn(offset: number): Promise<void>
}

/** The client did not get as far as the file. */
export class ClientUnfit extends Error {
  override readonly name = 'ClientUnfit'
}

const LOOK_EVERY_MS = 200
/**
 * What the server says last to a client that stands still is acknowledged by this machine's system, 40 ms later, and only then the server says
 * more (Nagle). A client that goes on before that waits as long for its session, with nothing on its way.
 */
const ACKNOWLEDGED_MS = 50
/** What ssh says of its own failures, and of a command that a signal ended. */
const SSH_FAILED = 255

/** @param file its descriptor is the client's: one that is written to appends. */
export function startStandby(client: Client, file: FileHandle, options: StandbyOptions): Standby {
  const { signal, cut, direct, toHost, maxBytes } = options
  const givenUp = new AbortController()
  const over = signal === undefined ? givenUp.signal : AbortSignal.any([signal, givenUp.signal])
  let running: ClientProcess | undefined
  const standing = throughGate(client.address, over, async () => {
    running = startClientProcess({
      program: client.program,
      argv: [...client.argv, direct.commandLine],
      env: client.env,
      stdin: toHost ? file.fd : undefined,
      stdout: toHost ? undefined : file.fd,
      maxFileBytes: toHost ? undefined : maxBytes,
    })
    const begun = running.hears(direct.mark)
    await untilFit(client, running, toHost ? running.standsStill : begun, over)
    if (toHost) await untilAborted(sleep(ACKNOWLEDGED_MS), over)
    return { process: running, begun }
  })
  standing.catch(() => undefined)

  async function goOn(offset: number): Promise<void> {
    const { process, begun } = await standing
    const where = async (): Promise<number> => await tellPlace(file, toHost, offset)
    const watched = new AbortController()
    const onAbort = (): void => watched.abort(signal?.reason)
    const onCut = (): void => watched.abort(cut?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    cut?.addEventListener('abort', onCut, { once: true })
    try {
      signal?.throwIfAborted()
      cut?.throwIfAborted()
      const at = await where()
      if (at !== offset) throw displacedError(at, offset)
      if (toHost) process.hold(false)
      else process.tell(String(offset + 1))
      await untilFit(client, process, begun, watched.signal)
      const status = await untilEnded(process, watched, { ...options, offset, where })
      if (status !== 0) throw await toFailure(status, process.said(), { toHost, maxBytes, where })
    } catch (error) {
      await process.kill()
      // sshd notices by itself that the client is gone, but the caller may want to remove the file at once, or send it in another way:
      // a login shell that was slow to begin must not come after that.
      if (!isEncodeError(error, 'HOST_LOST')) await client.run(direct.endCommandLine)
      throw error
    } finally {
      options.turn?.rest()
      signal?.removeEventListener('abort', onAbort)
      cut?.removeEventListener('abort', onCut)
    }
  }

  return {
    ready: standing.then(() => undefined),
    goOn,
    async [Symbol.asyncDispose]() {
      givenUp.abort(new Error('It is not wanted any more'))
      await standing.catch(() => undefined)
      await running?.kill()
    },
  }
}

/** How far it is in the file. */
export async function tellPlace(file: FileHandle, toHost: boolean, offset: number): Promise<number> {
  return toHost ? ((await tellPosition(file)) ?? offset) : (await file.stat()).size
}

async function untilFit(client: Client, process: ClientProcess, sign: Promise<void>, signal: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>()
  const patience = setTimeout(() => late.reject(new ClientUnfit(`it came to nothing within ${client.beginMs / 1000} s`)), client.beginMs)
  const ended = process.ended.then((status) => {
    throw new ClientUnfit(process.said() || `it ended with status ${status}`)
  })
  try {
    await untilAborted(Promise.race([sign, ended, late.promise]), signal)
  } finally {
    clearTimeout(patience)
  }
}

interface Moving extends StandbyOptions {
  readonly offset: number
  readonly where: () => Promise<number>
}

/** Rejects with the reason of `stopped`, or when nothing has moved for too long; then the process is still there. */
async function untilEnded(
  moving: ClientProcess,
  stopped: AbortController,
  { where, onBytes, stallMs = STALL_MS, offset, turn, wholeBytes }: Moving,
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

interface Failed extends Pick<StandbyOptions, 'toHost' | 'maxBytes'> {
  readonly where: () => Promise<number>
}

async function toFailure(status: number, said: string, { toHost, maxBytes, where }: Failed): Promise<unknown> {
  if (!toHost && maxBytes !== undefined && (await where()) >= maxBytes) return excessError(maxBytes)
  // It gives its reason for losing a connection, and none for a command that a signal ended.
  if (status === SSH_FAILED && said !== '') return lostError(said)
  try {
    checkExit(status === SSH_FAILED ? { status: null, signal: 'a signal' } : { status, signal: null }, said)
  } catch (error) {
    return error
  }
  return undefined
}

function displacedError(at: number, offset: number): EncodeError {
  return new EncodeError('TRANSFER_FAILED', `The file stands at ${at} B here, and not at the ${offset} B that have been moved`, {
    hint: 'Does something else write that file?',
  })
}

export function lostError(said: string): EncodeError {
  return new EncodeError('HOST_LOST', `The connection that moves the bytes broke${said === '' ? '' : `: ${said}`}`, {
    hint: 'Check the host and the network to it',
  })
}

/** Undefined where the system does not say. */
async function tellPosition({ fd }: FileHandle): Promise<number | undefined> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => '')
  const digits = /^pos:\s*(\d+)$/m.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Node cannot set a descriptor's position; dd can, and shares it. False where the system does not say that it stands there. */
export async function seek(file: FileHandle, offset: number): Promise<boolean> {
  if (offset > 0) {
    await new Promise<void>((resolve) => {
      const child = spawn('dd', ['bs=1', `skip=${offset}`, 'count=0'], { stdio: [file.fd, 'ignore', 'ignore'] })
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    })
  }
  return (await tellPosition(file)) === offset
}
