/** A folder of a test's own with a queue file, and what is in both. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import { openQueueFile, type QueueFile } from '../../src/ledger/queue-file.ts'
import type { QueueEntry } from '../../src/ledger/queue-line.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

export interface QueueFolder extends Disposable {
  readonly path: string
  /** The queue file's path. */
  readonly queue: string
  /** @param content what it holds from now on; undefined leaves it as it is. */
  open(content: string | Buffer | undefined, clock?: Clock): Promise<QueueFile>
  /** The queue file's bytes, a character each. */
  read(): string
  namesOf(entries: readonly QueueEntry[]): readonly string[]
  entryOf(file: QueueFile, name: string): QueueEntry
}

/** Waits for nothing: what a run waits for by the second is over at once. */
export const hastyClock: Clock = { now: () => Date.now(), sleep: async (_ms, signal) => signal?.throwIfAborted() }

export function makeQueueFolder(): QueueFolder {
  const folder = makeTemporaryFolder()
  const queue = join(folder.path, 'queue.txt')
  return {
    path: folder.path,
    queue,
    async open(content, clock = hastyClock) {
      if (content !== undefined) writeFileSync(queue, content)
      return await openQueueFile(queue, { cwd: folder.path, clock, pid: process.pid })
    },
    read: () => readFileSync(queue, 'latin1'),
    namesOf: (entries) => entries.map(({ path }) => path.slice(folder.path.length + 1)),
    entryOf(file, name) {
      const entry = file.entries.find(({ path }) => path === join(folder.path, name))
      if (entry === undefined) throw new Error(`No entry "${name}"`)
      return entry
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
}
