/**
 * A command on the controller itself, where that is Windows, which has no signals: ffmpeg is asked to end by the letter `q` on its stdin, and
 * what does not end by that is ended with all that it started.
 *
 * A child of Node is in a job object that ends it with its parent, however that ended; that is the leash here.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../core/errors.ts'
import { findWindowsProgram, readVariable } from '../../core/find-program.ts'
import { runProgram } from '../../core/run-program.ts'
import { settlesWithin } from '../../core/settles-within.ts'
import { createCollector, MAX_STDERR_BYTES, MAX_STDOUT_BYTES } from '../collector.ts'
import type { RunOptions, RunResult } from '../host.ts'
import { toPriority } from '../windows/priority.ts'

export interface WindowsCommandOptions extends Omit<RunOptions, 'env'> {
  /** All of it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Between the letter and the end by force. */
  readonly graceMs: number
}

/** What the command says last may come after its end; a program that it left running keeps the stream open. */
const DRAIN_MS = 1000
const FORCE_MS = 2000
/** As a POSIX shell says it. */
const NOT_FOUND = 127

/** @throws the signal's reason, once the command has ended. An exit status is a result, never an error. */
export async function runWindowsCommand(argv: readonly string[], options: WindowsCommandOptions): Promise<RunResult> {
  const { signal, env, graceMs, nice, onStdout, onStderr } = options
  signal?.throwIfAborted()
  const [name = '', ...rest] = argv
  // A batch file is read by cmd.exe, which takes names apart.
  const program = await findWindowsProgram(name, { env: { ...env, PATHEXT: '.COM;.EXE' } })
  if (program === undefined || !/\.(?:exe|com)$/i.test(program)) return { status: NOT_FOUND, stdout: '', stderr: '' }
  const args = rest[0] === '-nostdin' ? rest.slice(1) : rest
  const child = spawn(program, args, { env, windowsHide: true, stdio: 'pipe' })
  const stdout = createCollector(MAX_STDOUT_BYTES, 'head')
  const stderr = createCollector(MAX_STDERR_BYTES, 'tail')
  child.stdin.on('error', ignore)
  child.stdout.on('error', ignore).on('data', onStdout ?? stdout.add)
  child.stderr.on('error', ignore).on('data', (chunk: Buffer) => {
    stderr.add(chunk)
    onStderr?.(chunk)
  })
  const closed = once(child, 'close')
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  closed.catch(ignore)
  const givenUp = Promise.withResolvers<null>()
  const onAbort = async (): Promise<void> => {
    await endTree(child, { graceMs, env })
    // Told to end by every means there is: its end with this process is all that is left to wait for.
    await sleep(FORCE_MS, undefined, { ref: false })
    child.unref()
    givenUp.resolve(null)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    if (nice !== undefined && child.pid !== undefined) stepBack(child.pid, nice)
    const status = await Promise.race([exited, givenUp.promise])
    await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })])
    signal?.throwIfAborted()
    return { status: status ?? 1, stdout: stdout.text(), stderr: stderr.text() }
  } catch (error) {
    signal?.throwIfAborted()
    // It is there and cannot be started: of another machine, or forbidden.
    return { status: NOT_FOUND, stdout: '', stderr: messageOf(error) }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    for (const stream of child.stdio) stream?.destroy()
  }
}

/** Asks, then ends it with what it has started, then it alone. */
async function endTree(child: ChildProcess, { graceMs, env }: Pick<WindowsCommandOptions, 'graceMs' | 'env'>): Promise<void> {
  const isOver = async (withinMs: number): Promise<boolean> =>
    child.exitCode !== null || child.signalCode !== null || (await settlesWithin(once(child, 'exit'), withinMs))
  if (child.stdin?.writable === true) child.stdin.write('q')
  if ((await isOver(graceMs)) || child.pid === undefined) return
  const taskkill = `${readVariable(env, 'SYSTEMROOT') ?? 'C:\\Windows'}\\System32\\taskkill.exe`
  await runProgram(taskkill, ['/T', '/F', '/PID', String(child.pid)], { env, timeoutMs: FORCE_MS }).catch(ignore)
  if (!(await isOver(100))) child.kill('SIGKILL')
}

const PRIORITIES = {
  normal: constants.priority.PRIORITY_NORMAL,
  belownormal: constants.priority.PRIORITY_BELOW_NORMAL,
  low: constants.priority.PRIORITY_LOW,
} as const

function stepBack(pid: number, nice: number): void {
  try {
    setPriority(pid, PRIORITIES[toPriority(nice)])
  } catch {
    // It ended meanwhile, or may not: it runs all the same.
  }
}

function ignore(): void {}
