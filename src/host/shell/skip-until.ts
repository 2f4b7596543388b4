/** Drops the bytes before a mark: a login file may print there, and what follows is to be exactly what was asked for. */

/** @returns a filter for each piece of a stream: empty until the mark has come, then what follows it. */
export function skipUntil(mark: string): (chunk: Buffer) => Buffer {
  const bytes = Buffer.from(mark)
  let before: Buffer | undefined = Buffer.alloc(0)
  return (chunk) => {
    if (before === undefined) return chunk
    before = Buffer.concat([before, chunk])
    const at = before.indexOf(bytes)
    if (at === -1) {
      before = before.subarray(Math.max(0, before.length - bytes.length + 1))
      return Buffer.alloc(0)
    }
    const rest = before.subarray(at + bytes.length)
    before = undefined
    return rest
  }
}
