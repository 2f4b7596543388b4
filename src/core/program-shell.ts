/**
 * Short programs of this machine, many of them: a shell that stands by starts each, and this process hears what it said.
 *
 * To start a program a process is copied first, with the tables of all its memory, and nothing else goes on in it meanwhile: 1.5 ms with
 * 50 MB of memory, 6.6 ms with 150 MB (Node 24, Linux in a virtual machine). A shell has 1 MB, and its copying stops nobody.
 *
 * A shell reads one command after the other from its standard input; each ends with a line that bears a random tag, on both outputs. At the
 * end of this process the input ends, and the shells with it.
 *
 * Programs that live for 10 ms are told to keep what memory they have (glibc only; elsewhere these names mean nothing): ffprobe asks for
 * half a megabyte, gives it back and asks again, a decoder at a time, and the system clears each page anew. That is a sixth of its time.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Socket } from 'node:net'
import { platform as thisPlatform } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { type ProgramOptions, type ProgramResult, runProgram } from './run-program.ts'

/** Need not be disposed of: shells that wait keep this process from nothing, and end with it. */
export interface ProgramShell extends AsyncDisposable {
  /** As `runProgram`, but that a program which a signal ended has the status 128 + its number. Programs run side by side, each in a shell of its own. */
  run(program: string, argv: readonly string[], options?: Omit<ProgramOptions, 'env'>): Promise<ProgramResult>
}

export interface ProgramShellOptions {
  /** This machine's unless told; Windows has no such shell. */
  readonly platform?: NodeJS.Platform | undefined
  /** A shell that had nothing to do for so long is ended; 10 s unless told. */
  readonly idleMs?: number | undefined
}

export function createProgramShell({ platform = thisPlatform(), idleMs = IDLE_MS }: ProgramShellOptions = {}): ProgramShell {
  const idle: Lane[] = []
  let isOver = false

  function takeLane(): Lane {
    for (let lane = idle.pop(); lane !== undefined; lane = idle.pop()) if (lane.isOpen()) return lane
    return openLane()
  }

  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      await Promise.all(idle.splice(0).map((lane) => lane.end()))
    },
    async run(program, argv, options = {}) {
      options.signal?.throwIfAborted()
      if (platform === 'win32' || !canBeSaid([program, ...argv])) return await runProgram(program, argv, options)
      const lane = takeLane()
      const result = await lane.run(toCommand([program, ...argv]), options)
      if (isOver) await lane.end()
      else if (lane.isOpen()) {
        idle.push(lane)
        lane.rest(idleMs)
      }
      options.signal?.throwIfAborted()
      // There is no shell, or no such program: started directly it is told in the system's own words.
      const isUnclear = result === undefined || (result.status !== undefined && NOT_STARTED.has(result.status))
      return isUnclear ? await runProgram(program, argv, options) : result
    },
  }
}

const IDLE_MS = 10_000
/** What POSIX shells end with for a program that cannot be executed, or is not there. */
const NOT_STARTED: ReadonlySet<number> = new Set([126, 127])
const MAX_STDERR_BYTES = 64 * 1024
/** Between TERM and KILL. */
const GRACE_MS = 5_000
/** Blocks up to 32 MB, the most that glibc takes, come from one heap, which shrinks by a gigabyte at a time. What is set already stays as it is. */
const KEEP_MEMORY = ['MALLOC_MMAP_THRESHOLD_=33554432', 'MALLOC_TRIM_THRESHOLD_=1073741824']
  .map((assignment) => `: "\${${assignment}}"; export ${assignment.slice(0, assignment.indexOf('='))}\n`)
  .join('')
/** Of the line that ends an output. */
const MAX_MARK_BYTES = 64
const LINE_END = 0x0a

/** One shell, which runs one program at a time. */
interface Lane {
  isOpen(): boolean
  /** Undefined when the shell ended before it could say how the program did. */
  run(toCommand: (tag: string) => string, limits: Limits): Promise<ProgramResult | undefined>
  /** To be called when nothing runs in it: it does not keep this process alive then, and ends after so long. */
  rest(idleMs: number): void
  /** Resolves when it has ended. */
  end(): Promise<void>
}

type Limits = Pick<ProgramOptions, 'signal' | 'timeoutMs' | 'maxOutputBytes'>

function openLane(): Lane {
  // A process group of its own: Ctrl-C in a terminal is for us to answer, and a kill reaches the program, too.
  const shell = spawn('/bin/sh', [], { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let isOpen = shell.pid !== undefined
  let resting: NodeJS.Timeout | undefined
  const closed = new Promise<void>((resolve) => {
    shell.once('error', () => {
      isOpen = false
      resolve()
    })
    shell.once('close', () => {
      isOpen = false
      resolve()
    })
  })
  for (const stream of [shell.stdin, shell.stdout, shell.stderr]) stream.on('error', ignore)
  if (isOpen) shell.stdin.write(KEEP_MEMORY)

  function leave(): void {
    clearTimeout(resting)
    isOpen = false
    shell.stdin.end()
  }

  return {
    isOpen: () => isOpen,
    rest(idleMs) {
      hold(shell, false)
      resting = setTimeout(leave, idleMs).unref()
    },
    async end() {
      // Whoever waits for its end must not end before it does.
      hold(shell, true)
      leave()
      await closed
    },
    async run(toCommand, limits) {
      clearTimeout(resting)
      hold(shell, true)
      const { signal, timeoutMs, maxOutputBytes = Number.POSITIVE_INFINITY } = limits
      const tag = randomBytes(12).toString('hex')
      let cause: 'aborted' | 'timed out' | 'too long' | undefined
      let killing: NodeJS.Timeout | undefined
      const end = (why: NonNullable<typeof cause>): void => {
        if (cause !== undefined) return
        cause = why
        isOpen = false
        signalGroup(shell.pid, 'SIGTERM')
        killing = setTimeout(() => signalGroup(shell.pid, 'SIGKILL'), GRACE_MS).unref()
      }
      const stdout = collectUntil(shell.stdout, tag, 'head', maxOutputBytes, () => end('too long'))
      const stderr = collectUntil(shell.stderr, tag, 'tail', MAX_STDERR_BYTES)
      const onAbort = (): void => end('aborted')
      signal?.addEventListener('abort', onAbort, { once: true })
      const patience = timeoutMs === undefined ? undefined : setTimeout(() => end('timed out'), timeoutMs)
      shell.stdin.write(toCommand(tag))
      await Promise.race([Promise.all([stdout.ended, stderr.ended]), closed])
      // What has ended a moment before it was to be ended may be half of its group.
      if (cause !== undefined) await closed
      signal?.removeEventListener('abort', onAbort)
      clearTimeout(patience)
      clearTimeout(killing)
      stdout.leave()
      stderr.leave()
      if (cause === undefined && stdout.status() === undefined) return undefined
      return {
        status: cause === undefined ? stdout.status() : undefined,
        stdout: stdout.text(),
        stderr: stderr.text(),
        startFailure: undefined,
        isTimedOut: cause === 'timed out',
        isTooLong: cause === 'too long',
      }
    },
  }
}

interface Collected {
  readonly ended: Promise<void>
  status(): number | undefined
  text(): string
  leave(): void
}

/** What comes until the line `TAG STATUS`, which is the last thing that comes. */
function collectUntil(stream: Readable, tag: string, keeps: 'head' | 'tail', maxBytes: number, onTooLong?: () => void): Collected {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const chunks: Buffer[] = []
  let bytes = 0
  let status: number | undefined

  const onData = (chunk: Buffer): void => {
    chunks.push(chunk)
    bytes += chunk.length
    // ffprobe says each packet by itself: hundreds of pieces, of which none but the last ends a line.
    const found = chunk.at(-1) === LINE_END ? findMark(readEnd(chunks), tag) : undefined
    if (found !== undefined) {
      dropEnd(chunks, found.length)
      bytes -= found.length
      status = found.status
    }
    if (keeps === 'tail') while (bytes - (chunks[0]?.length ?? 0) >= maxBytes) bytes -= chunks.shift()?.length ?? 0
    else if (bytes > maxBytes + (status === undefined ? MAX_MARK_BYTES : 0)) {
      dropEnd(chunks, bytes - maxBytes)
      bytes = maxBytes
      onTooLong?.()
    }
    if (status !== undefined) resolve()
  }
  stream.on('data', onData)
  return {
    ended,
    status: () => status,
    text: () => Buffer.concat(chunks).toString(),
    leave: () => void stream.off('data', onData),
  }
}

/** Not by a regular expression: each tag is another one, and to compile it takes longer than to start a program. */
function findMark(end: string, tag: string): { readonly status: number; readonly length: number } | undefined {
  const at = end.lastIndexOf(`${tag} `)
  const status = at === -1 ? '' : end.slice(at + tag.length + 1, -1)
  return /^\d{1,3}$/.test(status) ? { status: Number(status), length: end.length - at } : undefined
}

/** The last bytes, of as many pieces as they came in. */
function readEnd(chunks: readonly Buffer[]): string {
  let text = ''
  for (let at = chunks.length - 1; at >= 0 && text.length < MAX_MARK_BYTES; at -= 1) {
    text = `${chunks[at]?.subarray(-MAX_MARK_BYTES).toString('latin1') ?? ''}${text}`
  }
  return text
}

function dropEnd(chunks: Buffer[], bytes: number): void {
  let left = bytes
  while (left > 0) {
    const last = chunks.pop()
    if (last === undefined) return
    if (last.length > left) chunks.push(last.subarray(0, last.length - left))
    left -= last.length
  }
}

/** Neither a NUL nor half a character can be written down for a shell. */
function canBeSaid(words: readonly string[]): boolean {
  return words.every((word) => !word.includes('\0') && word.isWellFormed())
}

/** Inside single quotes a POSIX shell takes every byte as it is. `exec` in a shell of its own passes by functions and aliases. */
function toCommand(words: readonly string[]): (tag: string) => string {
  const said = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  return (tag) => `(exec ${said} </dev/null)\nset -- $?; echo ${tag} $1 >&2; echo ${tag} $1\n`
}

/** Whether this process stays alive for it. */
function hold(shell: ChildProcessByStdio<Writable, Readable, Readable>, isHeld: boolean): void {
  const streams = [shell.stdin, shell.stdout, shell.stderr].filter((stream) => stream instanceof Socket)
  for (const handle of [shell, ...streams]) {
    if (isHeld) handle.ref()
    else handle.unref()
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    // biome-ignore lint/style/noRestrictedGlobals: the one way to signal a process group; it reads and changes nothing of this process
    process.kill(-pid, signal)
  } catch {
    // It ended meanwhile.
  }
}

function ignore(): void {}
