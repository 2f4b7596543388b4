/** Newline-delimited JSON: every event as one object a line (`--json`). The format is `docs/events.md`. */

import type { Writable } from 'node:stream'
import { toSafeJson } from '../core/text.ts'
import type { EncodeEvent, View } from '../model/events.ts'
import { createLineOutput } from './line-output.ts'

export interface JsonViewOptions {
  readonly stdout: Writable
  /** Told once, when the reader has gone. */
  readonly onClosed?: ((error: Error | undefined) => void) | undefined
  /** Ends the wait of `close` for a reader that is stuck. */
  readonly giveUp?: AbortSignal | undefined
}

/**
 * For a reader that does not keep up, only the latest `job.progress` of each job waits; every other event is kept,
 * a number that the count of jobs bounds.
 */
export function createJsonView(options: JsonViewOptions): View {
  const output = createLineOutput(options.stdout, { onClosed: options.onClosed, giveUp: options.giveUp })

  return {
    handle(event) {
      if (output.isClosed) return
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

function progressKey(event: EncodeEvent): string | undefined {
  return 'job' in event ? event.job : undefined
}
