/**
 * Lines of a queue file and what became of them: a line goes when everything it names is done or skipped, and stays when something
 * of it failed or was never tried. Lines of the same path are one.
 */

import type { QueueFile } from '../../ledger/queue-file.ts'
import type { QueueEntry } from '../../ledger/queue-line.ts'
import type { JobPlan } from '../../model/plan.ts'

interface Item {
  readonly entries: QueueEntry[]
  readonly sources: Set<string>
  readonly waiting: Set<string>
  hasFailed: boolean
  /** Nothing more of it will turn up. */
  isClosed: boolean
}

export interface QueueDrain {
  /** Takes lines in; gives those paths that are new. */
  take(entries: readonly QueueEntry[]): readonly string[]
  /** A job that comes from the line of this path. */
  addJob(path: string, plan: JobPlan): void
  /** Something that the line of this path names cannot be done. */
  fail(path: string): void
  /** All that the line names is known now: it goes at once when nothing of it is to be done. */
  close(path: string): Promise<void>
  settle(plan: JobPlan, isComplete: boolean): Promise<void>
}

/** @param onDropped hears of the sources whose lines are gone. */
export function createQueueDrain(file: QueueFile, onDropped: (sources: readonly string[]) => void): QueueDrain {
  const items = new Map<string, Item>()
  const byJob = new Map<string, Item>()

  async function removeIfComplete(item: Item): Promise<void> {
    if (item.hasFailed || !item.isClosed || item.waiting.size > 0) return
    const entries = item.entries.splice(0)
    for (const entry of entries) await file.remove(entry)
    onDropped([...item.sources, ...entries.map(({ path }) => path)])
  }

  return {
    take(entries) {
      const fresh: string[] = []
      for (const entry of entries) {
        const known = items.get(entry.path)
        // Dealt with and asked for again: a person put it back, perhaps mended.
        if (known === undefined || known.waiting.size === 0) {
          const entries = [...(known?.entries ?? []), entry]
          items.set(entry.path, { entries, sources: new Set(), waiting: new Set(), hasFailed: entry.kind === 'refused', isClosed: false })
          fresh.push(entry.path)
        } else known.entries.push(entry)
      }
      return fresh
    },
    addJob(path, plan) {
      const item = items.get(path)
      if (item === undefined) return
      item.waiting.add(plan.id)
      item.sources.add(plan.source.path)
      byJob.set(plan.id, item)
    },
    fail(path) {
      const item = items.get(path)
      if (item !== undefined) item.hasFailed = true
    },
    async close(path) {
      const item = items.get(path)
      if (item === undefined) return
      item.isClosed = true
      await removeIfComplete(item)
    },
    async settle(plan, isComplete) {
      const item = byJob.get(plan.id)
      if (item === undefined) return
      byJob.delete(plan.id)
      item.waiting.delete(plan.id)
      if (!isComplete) item.hasFailed = true
      await removeIfComplete(item)
    },
  }
}
