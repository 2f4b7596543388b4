/** Counts what became of a run's files. */

import type { Emit } from '../model/events.ts'

export interface Totals {
  readonly emit: Emit
  readonly done: number
  readonly skipped: number
  readonly failed: number
  readonly sourceBytes: number
  readonly outputBytes: number
}

/** Wraps `emit` so that what is told and what is counted can never differ. */
export function countTotals(emit: Emit): Totals {
  const counts = { done: 0, skipped: 0, failed: 0, sourceBytes: 0, outputBytes: 0 }
  return {
    emit(event, fields) {
      if (event === 'job.done') {
        const { source_bytes, output_bytes } = fields as { source_bytes: number; output_bytes: number }
        counts.done += 1
        counts.sourceBytes += source_bytes
        counts.outputBytes += output_bytes
      } else if (event === 'job.skipped') counts.skipped += 1
      else if (event === 'job.failed') counts.failed += 1
      emit(event, fields)
    },
    get done() {
      return counts.done
    },
    get skipped() {
      return counts.skipped
    },
    get failed() {
      return counts.failed
    },
    get sourceBytes() {
      return counts.sourceBytes
    },
    get outputBytes() {
      return counts.outputBytes
    },
  }
}
