/**
 * How quickly further files are looked into once a run has begun: just ahead of need. What has to be known is what the next jobs are; that
 * longer ones may stand behind them is good to know, and is found out beside the work.
 *
 * Where this machine encodes, none is looked into until the first job has started: both cores of a small machine are taken by the trials of
 * encoders that this job waits for.
 */

import type { Clock } from '../../core/clock.ts'
import type { Emit } from '../../model/events.ts'
import type { Pace } from '../../plan/paced-ffprobe.ts'

export interface LookPaceOptions {
  readonly emit: Emit
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal: AbortSignal
  readonly setPace: (pace: Pace) => void
  /** Jobs that all hosts can have under way. */
  readonly slots: number
  readonly encodesHere: boolean
}

export interface LookPace extends Disposable {
  /** Passes on what it is told, and learns from it which jobs wait. */
  readonly emit: Emit
}

/** Looks are not put off for longer than this. */
const FIRST_START_MS = 1_000
/** Jobs that wait for a slot, for each of them. */
const AHEAD_PER_SLOT = 2
const LEAST_AHEAD = 8

export function createLookPace({ emit, clock, signal, setPace, slots, encodesHere }: LookPaceOptions): LookPace {
  const enough = Math.max(LEAST_AHEAD, AHEAD_PER_SLOT * slots)
  const waiting = new Set<string>()
  const over = new AbortController()
  let hasStarted = false
  adjust()
  void clock.sleep(FIRST_START_MS, AbortSignal.any([signal, over.signal])).then(begin, () => {})

  function begin(): void {
    hasStarted = true
    adjust()
  }

  function adjust(): void {
    if (encodesHere && !hasStarted) setPace('none')
    else if (waiting.size >= enough) setPace('idle')
    else setPace(hasStarted ? 'full' : 'beside')
  }

  return {
    emit(event, fields) {
      emit(event, fields)
      const job = 'job' in fields && typeof fields.job === 'string' ? fields.job : undefined
      if (job === undefined) return
      if (event === 'job.queued') waiting.add(job)
      else if (!waiting.delete(job)) return
      if (event === 'job.started') hasStarted = true
      adjust()
    },
    [Symbol.dispose]() {
      over.abort()
      setPace('full')
    },
  }
}
