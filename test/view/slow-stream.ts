/** A stream whose reader takes nothing until it is let. */

import { Writable } from 'node:stream'

export interface SlowStream {
  readonly stream: Writable
  /** Lines that the reader took. */
  readonly lines: readonly string[]
  /** The reader takes one piece. */
  take(): void
  /** From now on the reader takes everything at once. */
  open(): void
}

export function createSlowStream(highWaterMark = 1): SlowStream {
  const lines: string[] = []
  let isOpen = false
  let taken: (() => void) | undefined
  const stream = new Writable({
    highWaterMark,
    decodeStrings: false,
    write(chunk: string, _encoding, callback) {
      lines.push(...String(chunk).replace(/\n$/, '').split('\n'))
      if (isOpen) callback()
      else taken = callback
    },
  })
  function take(): void {
    const callback = taken
    taken = undefined
    callback?.()
  }
  return {
    stream,
    lines,
    take,
    open() {
      isOpen = true
      take()
    },
  }
}
