/**
 * The SHA-256 of a file of the controller, made of its bytes while they pass. What did not pass (an earlier try's, or all of it where
 * another program moves the bytes) is read from the file at the end.
 */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

export interface FileDigest {
  /** Bytes that stand at `at` in the file; may come again, and may leave something out. */
  add(bytes: Uint8Array, at: number): void
  /** Reads from the file what is missing. */
  finish(path: string, signal?: AbortSignal): Promise<string>
}

const PIECE_BYTES = 1024 * 1024

export function createFileDigest(): FileDigest {
  const hash = createHash('sha256')
  let position = 0
  let finished: string | undefined

  function add(bytes: Uint8Array, at: number): void {
    if (finished !== undefined || at > position || at + bytes.length <= position) return
    hash.update(bytes.subarray(position - at))
    position = at + bytes.length
  }

  return {
    add,
    async finish(path, signal) {
      if (finished !== undefined) return finished
      await using file = await open(path, 'r')
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      for (;;) {
        signal?.throwIfAborted()
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, position)
        if (bytesRead === 0) break
        add(piece.subarray(0, bytesRead), position)
      }
      finished = hash.digest('hex')
      return finished
    },
  }
}
