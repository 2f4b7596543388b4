/** Calls under way on a host: they hold its disposal up until they have ended, and are ended by it. */

export interface OpenCalls {
  /** `work` is aborted by the caller's signal, or by the end of the host. */
  during<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Ends them, and those that come later at once. */
  abort(reason: unknown): void
  /** The same; resolves when they have ended. */
  end(reason: unknown): Promise<void>
}

export function createOpenCalls(): OpenCalls {
  const closing = new AbortController()
  const calls = new Set<Promise<unknown>>()

  return {
    async during(signal, work) {
      const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
      either.throwIfAborted()
      const call = work(either)
      calls.add(call)
      try {
        return await call
      } finally {
        calls.delete(call)
      }
    },
    abort: (reason) => closing.abort(reason),
    async end(reason) {
      closing.abort(reason)
      await Promise.allSettled(calls)
    },
  }
}
