/**
 * Ctrl-Z and `fg`: the picture leaves the terminal before the program stops, and comes back with it. Left to itself it would be torn
 * by what the shell writes meanwhile.
 */

/** A terminal that is stuck (Ctrl-S) must not keep the program from stopping. */
const PATIENCE_MS = 300

export interface StopAndGo {
  /** Calls back when the terminal has taken the picture away. */
  readonly hide: (onGone: () => void) => void
  readonly show: () => void
}

export function watchStopAndGo({ hide, show }: StopAndGo): Disposable {
  const stop = () => {
    const impatience = setTimeout(() => process.kill(process.pid, 'SIGSTOP'), PATIENCE_MS)
    hide(() => {
      clearTimeout(impatience)
      process.kill(process.pid, 'SIGSTOP')
    })
  }
  process.on('SIGTSTP', stop)
  process.on('SIGCONT', show)
  return {
    [Symbol.dispose]() {
      process.off('SIGTSTP', stop)
      process.off('SIGCONT', show)
    },
  }
}
