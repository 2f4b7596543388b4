/** One `Emit` for many views: stamps the time on, and lets no view that throws disturb the run or the other views. */

import type { Clock } from '../core/clock.ts'
import type { Emit, EncodeEvent, EventFields, EventName, View } from '../model/events.ts'

export interface BroadcastOptions {
  readonly clock: Clock
  /** Told once for each view that threw and is left out from then on. */
  readonly onViewFailed?: (error: unknown) => void
}

export interface Broadcast {
  readonly emit: Emit
  /** Closes every view, the failed ones too (a terminal must be put right whatever happened). Never rejects. */
  close(): Promise<void>
}

export function createBroadcast(views: readonly View[], options: BroadcastOptions): Broadcast {
  const listening = new Set(views)
  let closing: Promise<void> | undefined

  function drop(view: View, error: unknown): void {
    if (listening.delete(view)) options.onViewFailed?.(error)
  }

  function emit<Name extends EventName>(name: Name, fields: EventFields[Name]): void {
    if (closing !== undefined) return
    const event = stamp(name, fields, options.clock.now())
    for (const view of [...listening]) {
      try {
        view.handle(event)
      } catch (error) {
        drop(view, error)
      }
    }
  }

  async function closeAll(): Promise<void> {
    await Promise.all(
      views.map(async (view) => {
        try {
          await view.close()
        } catch (error) {
          drop(view, error)
        }
      }),
    )
  }

  return {
    emit,
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}

function stamp<Name extends EventName>(name: Name, fields: EventFields[Name], nowMs: number): EncodeEvent {
  // The name and its fields come as a pair; TypeScript cannot follow that through a spread into the union.
  return Object.freeze({ time: new Date(nowMs).toISOString(), event: name, ...fields }) as unknown as EncodeEvent
}
