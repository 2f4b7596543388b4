/**
 * Lines into a stream that may be slow, stuck or gone, without ever waiting for it.
 *
 * While the reader keeps up, lines go straight through. When it does not, they queue here: of the lines that bear a key
 * only the latest of each key is kept, of the others as many as the bound allows.
 */

import type { Writable } from 'node:stream'

export interface LineOutputOptions {
  /** Characters that may wait; beyond it the oldest lines are dropped. Default: no bound. */
  readonly maxPendingLength?: number
  /** The line that stands in for lines that were dropped. Must be given with `maxPendingLength`. */
  readonly describeDropped?: (count: number) => string
  /** Told once, when the reader has gone (closed pipe) or the stream failed. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a reader that is stuck. */
  readonly giveUp?: AbortSignal | undefined
  /** Lines that come so soon after others go out together: a reader that is woken for each takes as much of a machine as what it reads of. */
  readonly gatherMs?: number
}

export interface LineOutput {
  /** @param key makes the line replaceable: while it waits, a later line of the same key takes its place. */
  write(line: string, key?: string): void
  /** Takes a waiting line of this key away, when something newer makes it pointless. */
  forget(key: string): void
  /** Text as it is, before any line that comes later; `onWritten` is called in any case. For terminals, where no line waits yet. */
  writeText(text: string, onWritten: () => void): void
  readonly isClosed: boolean
  /** Resolves when everything was handed to the reader, the reader has gone, or `giveUp` was aborted. The stream stays open. */
  close(): Promise<void>
}

interface PendingLine {
  line: string
  readonly key: string | undefined
}

export function createLineOutput(stream: Writable, options: LineOutputOptions = {}): LineOutput {
  const waiting = new Set<PendingLine>()
  const byKey = new Map<string, PendingLine>()
  const onIdle = new Set<() => void>()
  let waitingLength = 0
  let droppedCount = 0
  let underWay = 0
  let isClosed = stream.destroyed || stream.writableEnded
  let isEnded = false
  let gathered = ''
  let gathering: NodeJS.Timeout | undefined

  stream.on('error', fail)
  stream.on('close', fail)
  stream.on('drain', pump)
  if (isClosed) queueMicrotask(() => options.onClosed?.(undefined))

  function fail(error?: Error): void {
    if (!isClosed) {
      isClosed = true
      waiting.clear()
      byKey.clear()
      gathered = ''
      clearTimeout(gathering)
      options.onClosed?.(error)
    }
    settle()
  }

  function send(text: string, onWritten?: () => void): void {
    underWay += 1
    stream.write(text, () => {
      onWritten?.()
      underWay -= 1
      if (underWay === 0) pump()
    })
  }

  /** At once where no line went out lately. */
  function gather(text: string): void {
    if (gathering !== undefined) gathered += text
    else {
      send(text)
      gathering = setTimeout(sendGathered, options.gatherMs)
    }
  }

  function sendGathered(): void {
    clearTimeout(gathering)
    gathering = undefined
    const text = gathered
    gathered = ''
    if (text !== '') gather(text)
  }

  function pump(): void {
    for (const pending of waiting) {
      if (isClosed || stream.writableNeedDrain) return
      remove(pending)
      send(droppedCount === 0 ? `${pending.line}\n` : `${options.describeDropped?.(droppedCount) ?? ''}\n${pending.line}\n`)
      droppedCount = 0
    }
    if (waiting.size === 0 && underWay === 0) settle()
  }

  function remove(pending: PendingLine): void {
    waiting.delete(pending)
    waitingLength -= pending.line.length
    if (pending.key !== undefined) byKey.delete(pending.key)
  }

  function dropOldest(): void {
    for (const pending of waiting) {
      if (waitingLength <= (options.maxPendingLength ?? Number.POSITIVE_INFINITY)) return
      remove(pending)
      droppedCount += 1
    }
  }

  function settle(): void {
    for (const resolve of onIdle) resolve()
    onIdle.clear()
  }

  return {
    get isClosed() {
      return isClosed
    },
    write(line, key) {
      if (isClosed || isEnded) return
      if (waiting.size === 0 && !stream.writableNeedDrain) {
        if (options.gatherMs === undefined) send(`${line}\n`)
        else gather(`${line}\n`)
        return
      }
      sendGathered()
      const earlier = key === undefined ? undefined : byKey.get(key)
      if (earlier !== undefined) remove(earlier)
      const pending = { line, key }
      waiting.add(pending)
      waitingLength += line.length
      if (key !== undefined) byKey.set(key, pending)
      dropOldest()
    },
    writeText(text, onWritten) {
      sendGathered()
      if (isClosed) onWritten()
      else send(text, onWritten)
    },
    forget(key) {
      const pending = byKey.get(key)
      if (pending !== undefined) remove(pending)
    },
    async close() {
      isEnded = true
      sendGathered()
      clearTimeout(gathering)
      if (!isClosed && (waiting.size > 0 || underWay > 0) && options.giveUp?.aborted !== true) {
        await new Promise<void>((resolve) => {
          onIdle.add(resolve)
          options.giveUp?.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      // The error listener stays: a stream that fails later must not bring the program down.
      stream.off('drain', pump)
      stream.off('close', fail)
    },
  }
}
