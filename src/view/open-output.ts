/**
 * Standard output as a stream that never makes the program wait.
 *
 * Node writes to a terminal synchronously: behind Ctrl-S, or a connection that hangs, the whole program would stand still,
 * and with it the heartbeats that keep remote encodes alive. A file stream on the same descriptor writes from a worker thread.
 * Pipes are written without waiting on POSIX already; on Windows it is the other way round, so there the stream stays as it is.
 */

import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'

/** What `process.stdout` is, as far as views care. */
export interface StandardStream extends Writable {
  readonly fd: number
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export interface TerminalOutput extends Writable {
  /** Undefined where it is no terminal. */
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export function openOutput(stream: StandardStream, platform: NodeJS.Platform): TerminalOutput {
  if (stream.isTTY !== true || platform === 'win32') return stream
  const output = createWriteStream('', { fd: stream.fd, autoClose: false })
  Object.defineProperties(output, {
    columns: { get: () => stream.columns },
    rows: { get: () => stream.rows },
  })
  return output
}
