/**
 * Signals → what a run does. The first SIGINT or SIGTERM ends it clean; a second SIGINT ends the controller at once (the hosts clean up
 * by themselves through their leashes and guards). SIGUSR1 lets it finish what is under way. SIGHUP means two things: from a terminal
 * that has gone it ends the run, else it has the configuration read again, as with any daemon. On Windows there are Ctrl-C, Ctrl-Break
 * (SIGBREAK), which is as good, and the closing of the console (SIGHUP), after which the system ends the program within seconds.
 */

import { isatty } from 'node:tty'
import { Interruption } from '../run/run-request.ts'

export interface SignalWatch extends Disposable {
  readonly signal: AbortSignal
  /** Aborted on SIGUSR1. */
  readonly draining: AbortSignal
}

export interface SignalWatchOptions {
  readonly onFirst: (signalName: string) => void
  /** Puts the terminal right before the process goes; must be synchronous. */
  readonly beforeExit: () => void
  /** Without it SIGHUP always ends the run. */
  readonly onReload?: (() => void) | undefined
  readonly platform?: NodeJS.Platform | undefined
}

/** A shell tells its jobs before the terminal goes with it. */
const TERMINAL_GOES_WITHIN_MS = 2_000

export function watchSignals(options: SignalWatchOptions): SignalWatch {
  const ending = new AbortController()
  const draining = new AbortController()
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor))
  let lastLook: NodeJS.Timeout | undefined

  const end = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => () => {
    if (ending.signal.aborted) {
      // A terminal that is closed sends SIGHUP beside others, a supervisor repeats SIGTERM: only a person's second Ctrl-C means "now".
      if (name !== 'SIGINT') return
      options.beforeExit()
      process.exit(130)
    }
    ending.abort(new Interruption(name))
    options.onFirst(name)
  }
  // Without a terminal (nohup, setsid, cron, a service) nothing can hang up.
  const hasHungUp = (): boolean => terminals.some((descriptor) => !isatty(descriptor))
  const hangUp = end('SIGHUP')
  const interrupt = end('SIGINT')
  const { platform = process.platform } = options
  const handlers = {
    SIGINT: interrupt,
    ...(platform === 'win32' ? { SIGBREAK: interrupt } : {}),
    SIGTERM: end('SIGTERM'),
    SIGHUP() {
      if (options.onReload === undefined || platform === 'win32' || hasHungUp()) return hangUp()
      options.onReload()
      clearTimeout(lastLook)
      lastLook = setTimeout(() => hasHungUp() && hangUp(), TERMINAL_GOES_WITHIN_MS).unref()
    },
    SIGUSR1: () => draining.abort(new Error('Told by SIGUSR1 to start nothing more')),
  } as const
  for (const [name, handler] of Object.entries(handlers)) process.on(name, handler)
  return {
    signal: ending.signal,
    draining: draining.signal,
    [Symbol.dispose]() {
      clearTimeout(lastLook)
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler)
      // What comes too late tells nothing any more: it must not end the process, whose exit status is still to come.
      for (const name of ['SIGHUP', 'SIGUSR1'] as const) if (!process.listeners(name).includes(ignore)) process.on(name, ignore)
    },
  }
}

function ignore(): void {}
