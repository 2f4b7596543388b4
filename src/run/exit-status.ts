/** What the program ends with; a part of its public surface. 128 + n stands for signal n. */

import { Interruption } from './run-request.ts'

export const EXIT = { done: 0, someFailed: 1, usage: 2, noHost: 3 } as const

/** An interruption outranks all: what is left was not tried. No usable host outranks the failures that it caused. */
export function toExitStatus(run: { readonly signal: AbortSignal; readonly failed: number; readonly hadNoHost: boolean }): number {
  if (run.signal.aborted) return run.signal.reason instanceof Interruption ? run.signal.reason.exitStatus : 130
  // A queue file without a line needs no host.
  if (run.hadNoHost && run.failed > 0) return EXIT.noHost
  return run.failed > 0 ? EXIT.someFailed : EXIT.done
}
