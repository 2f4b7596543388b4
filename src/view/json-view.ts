/** Newline-delimited JSON: every event as one object a line (`--json`). The format is `docs/events.md`. */

import type { Writable } from 'node:stream'
import { toSafeJson } from '../core/text.ts'
import type { EncodeEvent, View } from '../model/events.ts'
import { countOf } from './describe-event.ts'
import { createLineOutput } from './line-output.ts'

export interface JsonViewOptions {
  readonly stdout: Writable
  /** Told once, when the reader has gone. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a reader that is stuck. */
  readonly giveUp?: AbortSignal | undefined
  /** Characters that may wait for the reader. */
  readonly maxPendingLength?: number
}

/** Events of some fifty thousand jobs. A run that is fed for weeks, and a reader that has stopped, must not fill the memory. */
const MAX_PENDING_LENGTH = 32_000_000

/** Two dozen short jobs a second are two hundred events. Nobody who waits for one notices. */
const GATHER_MS = 20

/**
 * For a reader that does not keep up, only the latest `job.progress` of each job waits; of all other events those that the bound allows,
 * the newest, with a warning in the place of what is left out.
 */
export function createJsonView(options: JsonViewOptions): View {
  let time = ''
  const output = createLineOutput(options.stdout, {
    maxPendingLength: options.maxPendingLength ?? MAX_PENDING_LENGTH,
    describeDropped: (count) => toSafeJson(toWarning(time, count)),
    onClosed: options.onClosed,
    giveUp: options.giveUp,
    gatherMs: GATHER_MS,
  })

  return {
    handle(event) {
      if (output.isClosed) return
      time = event.time
      const key = progressKey(event)
      if (event.event === 'job.progress') output.write(toSafeJson(event), key)
      else {
        // Late progress of a stage that is over would only confuse.
        if (key !== undefined) output.forget(key)
        output.write(toSafeJson(event))
      }
    },
    close: () => output.close(),
  }
}

function toWarning(time: string, count: number): EncodeEvent {
  return { time, event: 'warning', message: `${countOf(count, 'event')} left out: the reader was too slow` }
}

function progressKey(event: EncodeEvent): string | undefined {
  return 'job' in event ? event.job : undefined
}
