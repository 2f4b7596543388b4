/** Bytes in pieces of any size → text lines. A line that outgrows the bound is cut, never hoarded. */

import { StringDecoder } from 'node:string_decoder'

export interface LineSplitter {
  push(chunk: Uint8Array): void
  /** Hands out what is left without a line end. Call once, at the end of the stream. */
  end(): void
}

/**
 * @param onLine is called with each line, its `\n` or `\r\n` taken off.
 * @param maxLineLength characters kept of one line; the rest of that line is dropped.
 */
export function createLineSplitter(onLine: (line: string) => void, maxLineLength = 65_536): LineSplitter {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let isCut = false

  function take(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      add(text.slice(start, end))
      flush()
      start = end + 1
    }
    add(text.slice(start))
  }

  function add(text: string): void {
    if (isCut) return
    pending += text
    if (pending.length > maxLineLength) {
      pending = pending.slice(0, maxLineLength)
      isCut = true
    }
  }

  function flush(): void {
    const line = pending.endsWith('\r') ? pending.slice(0, -1) : pending
    pending = ''
    isCut = false
    onLine(line)
  }

  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end() {
      take(decoder.end())
      if (pending !== '') flush()
    },
  }
}
