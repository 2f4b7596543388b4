/** A bound on how many calls are under way, where they come one by one; the others wait their turn. */

import { untilAborted } from './until-aborted.ts'

export interface CallLimit {
  /** First come, first served. Aborted while it waits, it rejects with the signal's reason and is never begun. */
  run<Result>(call: () => Promise<Result>, signal?: AbortSignal): Promise<Result>
  /** From now on; what is under way goes on. 0: nothing begins. */
  setMost(most: number): void
}

export function createCallLimit(mostAtFirst: number): CallLimit {
  const waiting = new Set<() => void>()
  let most = mostAtFirst
  let underWay = 0

  function admit(): void {
    for (const begin of waiting) {
      if (underWay >= most) return
      waiting.delete(begin)
      underWay += 1
      begin()
    }
  }

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.add(resolve)
    admit()
    await untilAborted(promise, signal).catch((error: unknown) => {
      // Its turn may have come in the same moment.
      if (!waiting.delete(resolve)) leave()
      throw error
    })
  }

  function leave(): void {
    underWay -= 1
    admit()
  }

  return {
    async run(call, signal) {
      await enter(signal)
      try {
        return await call()
      } finally {
        leave()
      }
    },
    setMost(wanted) {
      most = wanted
      admit()
    },
  }
}
