/**
 * Signals → one AbortController. The first one ends the run clean; a second SIGINT ends the controller at once
 * (the hosts clean up by themselves through their leashes and guards).
 */

import { Interruption } from '../run/run-request.ts'

export interface SignalWatch extends Disposable {
  readonly signal: AbortSignal
}

/** @param beforeExit puts the terminal right before the process goes; must be synchronous. */
export function watchSignals(options: { readonly onFirst: (signalName: string) => void; readonly beforeExit: () => void }): SignalWatch {
  const controller = new AbortController()
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const handlers = names.map((name) => {
    const handler = () => {
      if (controller.signal.aborted) {
        // A terminal that is closed sends SIGHUP beside others, a supervisor repeats SIGTERM: only a person's second Ctrl-C means "now".
        if (name !== 'SIGINT') return
        options.beforeExit()
        process.exit(130)
      }
      controller.abort(new Interruption(name))
      options.onFirst(name)
    }
    process.on(name, handler)
    return { name, handler }
  })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const { name, handler } of handlers) process.off(name, handler)
    },
  }
}
