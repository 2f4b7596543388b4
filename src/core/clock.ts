/** Time as a value that is handed in, so that waiting can be tested without waiting. */

export interface Clock {
  /** Milliseconds since 1970-01-01 UTC; never much less than before, though the machine's clock may be put back. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: createSteadyNow(),
  // Not of `node:timers/promises`: there each wait that ends early makes an error with a trace, and of those there are several a job.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Slowing a clock down is not putting it back. */
const PUT_BACK_MS = 1_000

/**
 * Waits are told by moments that are long past or far away: with a clock that is put back by an hour (a machine that learns the time after it
 * has started, a virtual one that is moved) they would take that hour longer. One that is put forward, or that has slept, is believed.
 */
function createSteadyNow(): () => number {
  let last = { wallMs: Date.now(), steadyMs: performance.now() }
  return () => {
    const [wallMs, steadyMs] = [Date.now(), performance.now()]
    const expectedMs = last.wallMs + (steadyMs - last.steadyMs)
    last = { wallMs: wallMs < expectedMs - PUT_BACK_MS ? expectedMs : wallMs, steadyMs }
    return Math.floor(last.wallMs)
  }
}
