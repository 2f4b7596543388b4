/** ffprobe that can be made to wait: where this machine encodes, its looks at files that nobody waits for yet take the processors of what is waited for. */

import { untilAborted } from '../core/until-aborted.ts'
import { type Ffprobe, probeFile } from './ffprobe.ts'

export interface PausingFfprobe extends Ffprobe {
  /** What was not begun by now begins once this has ended. Never rejects. */
  pause(until: Promise<void>): void
}

export function createPausingFfprobe(ffprobe: Ffprobe): PausingFfprobe {
  let pausing: Promise<void> | undefined

  async function read(argv: readonly string[], signal?: AbortSignal): Promise<string> {
    if (pausing !== undefined) await untilAborted(pausing, signal)
    return await ffprobe.read(argv, signal)
  }

  return {
    read,
    probe: async (path, signal) => await probeFile(path, read, signal),
    pause(until) {
      pausing = until
    },
  }
}
