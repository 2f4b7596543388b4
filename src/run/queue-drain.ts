/**
 * Lines of a queue file and what became of them: a line goes when everything it names is done or skipped, and stays when something
 * of it failed or was never tried. Lines of the same path are one.
 */

import type { QueueFile } from '../ledger/queue-file.ts'
import type { QueueEntry } from '../ledger/queue-line.ts'
import type { JobPlan } from '../model/plan.ts'

interface Item {
  readonly entries: QueueEntry[]
  readonly sources: Set<string>
  readonly waiting: Set<string>
  hasFailed: boolean
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
    if (item.hasFailed || item.waiting.size > 0) return
    const entries = item.entries.splice(0)
    for (const entry of entries) await file.remove(entry)
    onDropped([...item.sources, ...entries.map(({ path }) => path)])
  }

  return {
    take(entries) {
      const fresh: string[] = []
      for (const entry of entries) {
        const known = items.get(entry.path)
        if (known === undefined) {
          items.set(entry.path, { entries: [entry], sources: new Set(), waiting: new Set(), hasFailed: entry.kind === 'refused' })
          fresh.push(entry.path)
        } else if (known.waiting.size > 0) known.entries.push(entry)
        else {
          // It was dealt with and is asked for again: a person put it back, perhaps mended.
          items.set(entry.path, {
            entries: [...known.entries, entry],
            sources: new Set(),
            waiting: new Set(),
            hasFailed: entry.kind === 'refused',
          })
          fresh.push(entry.path)
        }
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
      if (item !== undefined) await removeIfComplete(item)
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
