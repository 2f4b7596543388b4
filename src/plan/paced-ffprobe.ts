/**
 * ffprobe at a pace: its looks at files that nobody waits for yet take the processors of what is waited for. Each start of it is up to 90 ms of
 * one (Debian's, 300 libraries).
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { createCallLimit } from '../core/call-limit.ts'
import { type Ffprobe, LOOKS_AT_ONCE, probeFile } from './ffprobe.ts'

/** `full`: as many as this machine has use for. `beside`: something else is to be quick. `idle`: half of one processor's time. `none`: none is begun. */
export type Pace = 'full' | 'beside' | 'idle' | 'none'

export interface PacedFfprobe extends Ffprobe {
  /** For what has not begun by now. */
  setPace(pace: Pace): void
}

export interface PaceOptions {
  /** Of this machine. */
  readonly processors: number
}

export function createPacedFfprobe(ffprobe: Ffprobe, { processors }: PaceOptions): PacedFfprobe {
  const most: Readonly<Record<Pace, number>> = { full: LOOKS_AT_ONCE, beside: processors, idle: 1, none: 0 }
  const limit = createCallLimit(most.full)
  let pace: Pace = 'full'

  async function read(argv: readonly string[], signal?: AbortSignal): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    limit
      .run(async () => {
        const beganMs = performance.now()
        await ffprobe.read(argv, signal).then(resolve, reject)
        if (pace === 'idle') await sleep(performance.now() - beganMs, undefined, { ref: false })
      }, signal)
      .catch(reject)
    return await promise
  }

  return {
    read,
    probe: async (path, signal) => await probeFile(path, read, signal),
    setPace(wanted) {
      pace = wanted
      limit.setMost(most[wanted])
    },
  }
}
