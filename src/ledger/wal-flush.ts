/**
 * What was written to SQLite's write-ahead log, made to outlive a power cut without waiting for the disk: the same call that SQLite makes after
 * a commit with `synchronous = FULL`, from a thread of its own, and one for all writes that came meanwhile. A flush takes 4 ms of a disk,
 * and each job needs some: in this thread nothing else would go on.
 *
 * Safe to open beside SQLite: its locks are on the main file and the `-shm` file. (POSIX drops all locks that a process has on a file
 * when it closes any descriptor of that file.) A log that was taken over into the main file meanwhile was flushed with that.
 */

import { close, closeSync, fdatasync, openSync } from 'node:fs'
import { codeOf } from '../core/errors.ts'

export interface WalFlush extends Disposable {
  /** Resolves when all that was written before the call is on the disk. Once one has failed, all do: what the disk has is not known any more. */
  flush(): Promise<void>
}

export function createWalFlush(databaseFile: string): WalFlush {
  let descriptor: number | undefined
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  let isOver = false

  async function begin(): Promise<void> {
    next = undefined
    running = sync().finally(() => {
      running = undefined
    })
    await running
  }

  async function sync(): Promise<void> {
    if (failure !== undefined) throw failure.error
    if (isOver) return
    try {
      descriptor ??= openLog(`${databaseFile}-wal`)
      if (descriptor !== undefined) await flushToDisk(descriptor)
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      if (isOver && descriptor !== undefined) close(descriptor)
    }
  }

  return {
    async flush() {
      if (next === undefined && running === undefined) return await begin()
      // The one under way may have begun before the last write.
      next ??= (running ?? Promise.resolve()).then(begin, begin)
      await next
    },
    [Symbol.dispose]() {
      isOver = true
      if (running === undefined && descriptor !== undefined) closeSync(descriptor)
    },
  }
}

/** Undefined before the first write: then there is no log yet. */
function openLog(file: string): number | undefined {
  try {
    // Windows flushes what may be written to.
    return openSync(file, 'r+')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function flushToDisk(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
  })
}
