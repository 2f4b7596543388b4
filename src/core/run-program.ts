/**
 * A program of this machine, run to its end with its output collected.
 *
 * Node's own calls and nothing around them: a library for this was a third of the time that the program takes to start.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

export interface ProgramOptions {
  /** Instead of this process's own environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Aborted: the program is ended, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Whoever says more on standard output is ended. */
  readonly maxOutputBytes?: number | undefined
}

export interface ProgramResult {
  /** Undefined where it did not end by itself: it could not be started, or was ended. */
  readonly status: number | undefined
  readonly stdout: string
  /** The last 64 KiB. */
  readonly stderr: string
  /** The system's code where it could not be started: `ENOENT`. */
  readonly startFailure: string | undefined
  readonly isTimedOut: boolean
  readonly isTooLong: boolean
}

const MAX_STDERR_BYTES = 64 * 1024
/** Between TERM and KILL. */
const GRACE_MS = 5_000

/**
 * The program has no standard input, and a process group of its own: Ctrl-C in a terminal is for us to answer.
 * An exit status is a result, never an error; rejects with the signal's reason alone, once the program has ended.
 */
export async function runProgram(program: string, argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const { env, signal, timeoutMs, maxOutputBytes = Number.POSITIVE_INFINITY } = options
  signal?.throwIfAborted()
  let child: ChildProcessByStdio<null, Readable, Readable>
  try {
    child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...(env === undefined ? {} : { env: { ...env } }) })
  } catch (error) {
    // Some failures are told by an exception, most by an event.
    return { ...NOTHING, startFailure: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
  }
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  let [outputBytes, errorBytes, isTimedOut] = [0, 0, false]
  let killing: NodeJS.Timeout | undefined

  function end(): void {
    child.kill('SIGTERM')
    // Whatever it has started may hold them, too.
    child.stdout.destroy()
    child.stderr.destroy()
    killing ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  }

  child.stdout.on('error', ignore).on('data', (chunk: Buffer) => {
    outputBytes += chunk.length
    if (outputBytes <= maxOutputBytes) stdout.push(chunk)
    else end()
  })
  child.stderr.on('error', ignore).on('data', (chunk: Buffer) => {
    stderr.push(chunk)
    errorBytes += chunk.length
    while (errorBytes - (stderr[0]?.length ?? 0) >= MAX_STDERR_BYTES) errorBytes -= stderr.shift()?.length ?? 0
  })
  const patience =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          isTimedOut = true
          end()
        }, timeoutMs)
  signal?.addEventListener('abort', end, { once: true })
  let startFailure: string | undefined
  const status = await new Promise<number | undefined>((resolve) => {
    child.once('close', (code) => resolve(code ?? undefined))
    child.once('error', (error: NodeJS.ErrnoException) => {
      // It may also be that a signal could not be sent: then the end is still to come.
      if (child.pid !== undefined) return
      startFailure = error.code ?? error.message
      resolve(undefined)
    })
  })
  clearTimeout(patience)
  clearTimeout(killing)
  signal?.removeEventListener('abort', end)
  signal?.throwIfAborted()
  return {
    status: startFailure === undefined ? status : undefined,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
    startFailure,
    isTimedOut,
    isTooLong: outputBytes > maxOutputBytes,
  }
}

const NOTHING = { status: undefined, stdout: '', stderr: '', isTimedOut: false, isTooLong: false }

function ignore(): void {}
