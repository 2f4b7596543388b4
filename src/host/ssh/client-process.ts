/**
 * One run of the system's OpenSSH client with a file as its standard input or output, so that no byte passes through this process.
 *
 * With a file as its standard input it stands still once it was let in, before it reads the first byte of it: it runs a command of ours then
 * (LocalCommand), which stops it.
 *
 * It ends with this process, however that ends: a shell stands above it, and a reader beside it waits for the end of a pipe from here.
 * It has a session of its own, so that Ctrl-C on the terminal is for us alone, and there is no terminal that it could ask somebody on.
 * What it writes to the file is bounded by the system (RLIMIT_FSIZE): a host may send for ever.
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { toPlainLine } from '../../core/text.ts'

export interface ClientProcessOptions {
  readonly program: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The descriptor of a file; undefined: lines that are said to it. */
  readonly stdin: number | undefined
  /** The descriptor of a file. */
  readonly stdout: number | undefined
  /** The longest file that it may make. */
  readonly maxFileBytes: number | undefined
}

export interface ClientProcess {
  /** Resolves with the exit status when nothing of it runs any more; 128 + n for a signal. Never rejects. */
  readonly ended: Promise<number>
  /** Resolves when it was let in and stands still, with a file as its standard input; `hold(false)` has it go on. */
  readonly standsStill: Promise<void>
  /** Resolves when it, or the host, has said that on stderr. */
  hears(mark: string): Promise<void>
  /** The last line of stderr so far, behind the last mark that was heard. */
  said(): string
  /** For the host; nothing can be told it behind that. */
  tell(line: string): void
  /** The client alone stands still, or goes on: those that end it with this process do not. */
  hold(isHeld: boolean): void
  /** Resolves when nothing of it runs any more. */
  kill(): Promise<void>
}

/** `ulimit -f` counts in blocks of 512 B, says POSIX. */
const BLOCK_BYTES = 512
const STDERR_KEPT = 4096
const UNKNOWN_STATUS = 255
/** The shell that runs it is the client's child, and the client waits for it: stopped by then, it does nothing before it is told to go on. */
const STAND_STILL = 'kill -STOP $PPID; echo'

/**
 * $1 is the limit in blocks, or nothing; then the client's command line. Descriptor 3 is the pipe, on which signals are named.
 * The client may be a script that runs another: what stopped itself, or is to end, is told by its process group.
 */
const KEEPER = [
  'if [ -n "$1" ]; then ulimit -f "$1" || exit 255; fi; shift;',
  'exec 4<&0 </dev/null;',
  '"$@" <&4 3<&- 4<&- & p=$!;',
  'exec 4<&-;',
  '{ while read -r x; do case $x in CONT) kill -CONT 0;; *) kill -$x $p;; esac; done; kill -KILL 0; } <&3 >/dev/null 2>&1 & r=$!;',
  'exec 3<&- >/dev/null;',
  'wait $p; s=$?;',
  'kill -KILL $r; exit $s',
].join(' ')

export function startClientProcess(options: ClientProcessOptions): ClientProcess {
  const { program, argv, env, stdin, stdout, maxFileBytes } = options
  const blocks = maxFileBytes === undefined ? '' : String(Math.ceil(maxFileBytes / BLOCK_BYTES))
  // Nobody at the far side can say it before its time.
  const stillness = `encode-stands-${randomBytes(8).toString('hex')}`
  const ownArgv = stdin === undefined ? [] : ['-o', 'PermitLocalCommand=yes', '-o', `LocalCommand=${STAND_STILL} ${stillness} >&2`]
  const child = spawn('/bin/sh', ['-c', KEEPER, 'encode-ssh', blocks, program, ...ownArgv, ...argv], {
    stdio: [stdin ?? 'pipe', stdout ?? 'ignore', 'pipe', 'pipe'],
    // By which it runs that command.
    env: { ...env, SHELL: '/bin/sh' },
    detached: true,
  })
  let stderr = ''
  let isHeld = stdin !== undefined
  const awaited = new Map<string, () => void>()
  child.stdin?.on('error', () => undefined)
  child.stderr?.on('error', () => undefined)
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1')
    for (const [mark, onMark] of awaited) {
      const at = stderr.indexOf(mark)
      if (at < 0) continue
      stderr = stderr.slice(at + mark.length)
      awaited.delete(mark)
      onMark()
    }
    stderr = stderr.slice(-STDERR_KEPT)
  })
  const hears = (mark: string): Promise<void> => new Promise((resolve) => awaited.set(mark, resolve))
  // What it hangs on; nothing is ever said there by the other side.
  const line = child.stdio[3] as Duplex | undefined
  line?.on('error', () => undefined)

  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(UNKNOWN_STATUS))
    child.once('close', (status) => resolve(status ?? UNKNOWN_STATUS))
  })

  return {
    ended,
    standsStill: stdin === undefined ? Promise.resolve() : hears(stillness),
    hears,
    said: () => toPlainLine(Buffer.from(stderr, 'latin1').toString().trimEnd().split('\n').at(-1) ?? ''),
    tell: (text) => void child.stdin?.end(`${text}\n`),
    hold(isNow) {
      if (isNow === isHeld || line?.writable !== true) return
      isHeld = isNow
      line.write(isHeld ? 'STOP\n' : 'CONT\n')
    },
    async kill() {
      line?.destroy()
      await ended
    },
  }
}
