/** What is kept of a run for its end: a few dozen of its files and reasons, however many it had. `renderSummary` makes lines of it. */

import type { EncodeEvent, EventOf } from '../model/events.ts'

export interface SummaryLimits {
  /** Of each kind at most so many are kept and shown. */
  readonly maxDone: number
  readonly maxSkipped: number
  readonly maxFailed: number
  readonly maxWarnings: number
}

/** Files that failed for one reason in the same place. */
export interface FailedGroup {
  /** The first ones; only the first of them where each has a log of its own. */
  readonly files: readonly EventOf<'job.failed'>[]
  /** Of all of them. */
  readonly count: number
}

export interface Summary {
  apply(event: EncodeEvent): void
  /** Nothing to tell: no run was started. */
  readonly isEmpty: boolean
  report(): SummaryReport
}

export interface SummaryReport {
  /** In the order they were done; where there are too many, those that saved most. */
  readonly done: readonly EventOf<'job.done'>[]
  readonly skipped: readonly EventOf<'job.skipped'>[]
  /** In the order of their first files. */
  readonly failed: readonly FailedGroup[]
  readonly warnings: readonly string[]
  readonly warningCount: number
  /** Hosts that are down or set aside, each with the reason that was told last. */
  readonly down: readonly EventOf<'host.down'>[]
  readonly counts: { readonly done: number; readonly skipped: number; readonly failed: number }
  readonly sourceBytes: number
  readonly outputBytes: number
  /** Undefined when the run was cut off before its end was told. */
  readonly seconds: number | undefined
  readonly exit: number | undefined
  /** Still queued, after a run that was drained. */
  readonly left: number
  /** Neither done nor given up when the run was cut off. */
  readonly untouched: number
}

const DEFAULT_LIMITS: SummaryLimits = { maxDone: 30, maxSkipped: 20, maxFailed: 50, maxWarnings: 20 }
/** One reason that many files share does not take the room of all others. */
const MAX_FILES_OF_A_REASON = 10

export function createSummary(limits: SummaryLimits = DEFAULT_LIMITS): Summary {
  const done: EventOf<'job.done'>[] = []
  const skipped: EventOf<'job.skipped'>[] = []
  const failed = new Map<string, { readonly files: EventOf<'job.failed'>[]; count: number }>()
  const warnings: string[] = []
  const down = new Map<string, EventOf<'host.down'>>()
  const counts = { done: 0, skipped: 0, failed: 0 }
  const known = { announced: 0, queued: 0, neverQueued: 0 }
  let failedKept = 0
  let warningCount = 0
  let sourceBytes = 0
  let outputBytes = 0
  let isStarted = false
  let finished: EventOf<'run.finished'> | undefined

  function keepFailed(event: EventOf<'job.failed'>): void {
    const key = JSON.stringify([event.host, event.reason, event.log])
    const group = failed.get(key)
    if (group !== undefined) group.count += 1
    else if (failedKept < limits.maxFailed) failed.set(key, { files: [], count: 1 })
    if (failedKept === limits.maxFailed || (group?.files.length ?? 0) === MAX_FILES_OF_A_REASON) return
    failed.get(key)?.files.push(event)
    failedKept += 1
  }

  return {
    apply(event) {
      switch (event.event) {
        case 'run.started':
          isStarted = true
          known.announced = event.files ?? 0
          break
        case 'job.queued':
          known.queued += 1
          break
        case 'warning':
          if (event.momentary === true) break
          warningCount += 1
          if (warnings.length < limits.maxWarnings) warnings.push(event.message)
          break
        case 'host.up':
          down.delete(JSON.stringify([event.cluster, event.host]))
          break
        case 'host.down':
          down.set(JSON.stringify([event.cluster, event.host]), event)
          break
        case 'job.done':
          counts.done += 1
          sourceBytes += event.source_bytes
          outputBytes += event.output_bytes
          done.push(event)
          if (done.length > limits.maxDone) removeLeast(done)
          break
        case 'job.skipped':
          counts.skipped += 1
          if (event.job === undefined) known.neverQueued += 1
          if (skipped.length < limits.maxSkipped) skipped.push(event)
          break
        case 'job.failed':
          counts.failed += 1
          if (event.job === undefined) known.neverQueued += 1
          keepFailed(event)
          break
        case 'run.finished':
          finished = event
          break
        default:
          break
      }
    },
    get isEmpty() {
      return !isStarted && finished === undefined && counts.done + counts.skipped + counts.failed === 0
    },
    report: () => ({
      done,
      skipped,
      failed: [...failed.values()],
      warnings,
      warningCount,
      down: [...down.values()],
      counts: finished === undefined ? counts : { done: finished.done, skipped: finished.skipped, failed: finished.failed },
      sourceBytes: finished?.source_bytes ?? sourceBytes,
      outputBytes: finished?.output_bytes ?? outputBytes,
      seconds: finished?.seconds,
      exit: finished?.exit,
      left: finished?.left ?? 0,
      untouched: Math.max(
        0,
        Math.max(known.announced, known.queued + known.neverQueued) - counts.done - counts.skipped - counts.failed - (finished?.left ?? 0),
      ),
    }),
  }
}

/** Takes out the file that saved least. */
function removeLeast(done: EventOf<'job.done'>[]): void {
  let least = 0
  const savedBytes = (index: number): number => {
    const event = done[index]
    return event === undefined ? 0 : event.source_bytes - event.output_bytes
  }
  for (let index = 1; index < done.length; index += 1) if (savedBytes(index) < savedBytes(least)) least = index
  done.splice(least, 1)
}
