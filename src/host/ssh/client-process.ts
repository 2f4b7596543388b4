/**
 * One run of the system's OpenSSH client with a file as its standard input or output, so that no byte passes through this process.
 *
 * It ends with this process, however that ends: a shell stands above it, and a reader beside it waits for the end of a pipe from here.
 * It has a session of its own, so that Ctrl-C on the terminal is for us alone, and there is no terminal that it could ask somebody on.
 * What it writes to the file is bounded by the system (RLIMIT_FSIZE): a host may send for ever.
 */

import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { toPlainLine } from '../../core/text.ts'

export interface ClientProcessOptions {
  readonly program: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The descriptor of a file. */
  readonly stdin: number | undefined
  readonly stdout: number | undefined
  /** The longest file that it may make. */
  readonly maxFileBytes: number | undefined
  /** Called once, when a line of stderr ends with it. */
  readonly mark: string
  readonly onMark: () => void
}

export interface ClientProcess {
  /** Resolves with the exit status when nothing of it runs any more; 128 + n for a signal. Never rejects. */
  readonly ended: Promise<number>
  /** The last line that it or the host said on stderr behind the mark; until that has come: so far. */
  said(): string
  /** The client alone stands still, or goes on: those that end it with this process do not. */
  hold(isHeld: boolean): void
  /** Resolves when nothing of it runs any more. */
  kill(): Promise<void>
}

/** `ulimit -f` counts in blocks of 512 B, says POSIX. */
const BLOCK_BYTES = 512
const STDERR_KEPT = 4096
const UNKNOWN_STATUS = 255

/** $1 is the limit in blocks, or nothing; then the client's command line. Descriptor 3 is the pipe, on which signals are named. */
const KEEPER = [
  'if [ -n "$1" ]; then ulimit -f "$1" || exit 255; fi; shift;',
  'exec 4<&0 </dev/null;',
  '"$@" <&4 3<&- 4<&- & p=$!;',
  'exec 4<&-;',
  '{ while read -r x; do kill -$x $p; done; kill -KILL $p; } <&3 >/dev/null 2>&1 & r=$!;',
  'exec 3<&- >/dev/null;',
  'wait $p; s=$?;',
  'kill -KILL $r; exit $s',
].join(' ')

export function startClientProcess(options: ClientProcessOptions): ClientProcess {
  const { program, argv, env, stdin, stdout, maxFileBytes, mark, onMark } = options
  const blocks = maxFileBytes === undefined ? '' : String(Math.ceil(maxFileBytes / BLOCK_BYTES))
  const child = spawn('/bin/sh', ['-c', KEEPER, 'encode-ssh', blocks, program, ...argv], {
    stdio: [stdin ?? 'ignore', stdout ?? 'ignore', 'pipe', 'pipe'],
    env: { ...env },
    detached: true,
  })
  let stderr = ''
  let isMarked = false
  let isHeld = false
  child.stderr?.on('error', () => undefined)
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1')
    if (!isMarked && stderr.includes(mark)) {
      isMarked = true
      stderr = stderr.slice(stderr.indexOf(mark) + mark.length)
      onMark()
    }
    stderr = stderr.slice(-STDERR_KEPT)
  })
  // What it hangs on; nothing is ever said there by the other side.
  const line = child.stdio[3] as Duplex | undefined
  line?.on('error', () => undefined)

  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(UNKNOWN_STATUS))
    child.once('close', (status) => resolve(status ?? UNKNOWN_STATUS))
  })

  return {
    ended,
    said: () => toPlainLine(Buffer.from(stderr, 'latin1').toString().trimEnd().split('\n').at(-1) ?? ''),
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
