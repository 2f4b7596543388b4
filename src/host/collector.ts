/** Keeps the beginning or the end of what a command says, however much that is. */

export interface Collector {
  add(chunk: Buffer): void
  text(): string
}

/** Bytes of collected standard output and error, as the Host port promises. */
export const MAX_STDOUT_BYTES = 4 * 1024 * 1024
export const MAX_STDERR_BYTES = 64 * 1024

/** Copies what it keeps: a piece may be one byte of a packet that would stay with it. */
export function createCollector(maxBytes: number, keeps: 'head' | 'tail'): Collector {
  const capacity = keeps === 'head' ? maxBytes : 2 * maxBytes
  let kept = Buffer.alloc(0)
  let size = 0

  function makeRoom(bytes: number): void {
    if (size + bytes <= kept.length) return
    const larger = Buffer.allocUnsafe(Math.min(capacity, Math.max(2 * kept.length, size + bytes, 1024)))
    kept.copy(larger, 0, 0, size)
    kept = larger
  }

  return {
    add(chunk) {
      if (keeps === 'tail' && size + chunk.length > capacity) {
        const rest = Math.max(0, maxBytes - chunk.length)
        kept.copyWithin(0, size - Math.min(size, rest), size)
        size = Math.min(size, rest)
      }
      const piece = keeps === 'head' ? chunk.subarray(0, maxBytes - size) : chunk.subarray(-maxBytes)
      makeRoom(piece.length)
      size += piece.copy(kept, size)
    },
    text: () => kept.toString('utf8', Math.max(0, keeps === 'head' ? 0 : size - maxBytes), size),
  }
}
