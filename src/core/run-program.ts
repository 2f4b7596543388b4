/**
 * A program of this machine, run to its end with its output collected.
 *
 * execa is loaded at the first call: loading it takes a third of the time in which the program starts, and many calls of it start no other.
 */

import { platform } from 'node:os'
import { findWindowsProgram } from './find-program.ts'

export interface ProgramOptions {
  /** Instead of this process's own environment. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Aborted: the program is ended, and the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** A program that writes more to its standard output is ended. */
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

/**
 * The program has no standard input, and a process group of its own: Ctrl-C in a terminal is for us to answer.
 * An exit status is a result, never an error; rejects with the signal's reason alone, once the program has ended.
 */
export async function runProgram(program: string, argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  const { env, signal, timeoutMs, maxOutputBytes } = options
  signal?.throwIfAborted()
  const isWindows = platform() === 'win32'
  const file = isWindows ? await findWindowsProgram(program, { env: env ?? ownEnvironment() }) : program
  if (file === undefined) return NOT_THERE
  const { execa } = await import('execa')
  const running = execa(file, argv, {
    reject: false,
    stdin: 'ignore',
    buffer: { stdout: true, stderr: false },
    stripFinalNewline: false,
    // On Windows a window of its own would come with it, and a child that is hidden is out of reach of Ctrl-C as it is.
    detached: !isWindows,
    cleanup: true,
    ...(env === undefined ? {} : { env, extendEnv: false }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(maxOutputBytes === undefined ? {} : { maxBuffer: maxOutputBytes }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  })
  const complaints: Buffer[] = []
  let complaintBytes = 0
  running.stderr.on('data', (chunk: Buffer) => {
    complaints.push(chunk)
    complaintBytes += chunk.length
    while (complaintBytes - (complaints[0]?.length ?? 0) >= MAX_STDERR_BYTES) complaintBytes -= complaints.shift()?.length ?? 0
  })
  const result = await running
  signal?.throwIfAborted()
  const { exitCode, stdout, timedOut, isMaxBuffer, isTerminated } = result
  const wasStarted = exitCode !== undefined || timedOut || isMaxBuffer || isTerminated
  return {
    status: exitCode,
    stdout,
    stderr: Buffer.concat(complaints).toString(),
    startFailure: wasStarted ? undefined : (result.code ?? result.shortMessage ?? 'unknown reason'),
    isTimedOut: timedOut,
    isTooLong: isMaxBuffer,
  }
}

const NOT_THERE: ProgramResult = {
  status: undefined,
  stdout: '',
  stderr: '',
  startFailure: 'ENOENT',
  isTimedOut: false,
  isTooLong: false,
}

function ownEnvironment(): Readonly<Record<string, string | undefined>> {
  // biome-ignore lint/style/noRestrictedGlobals: what the program is given where nobody says anything else
  return process.env
}
