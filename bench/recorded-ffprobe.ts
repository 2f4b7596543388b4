/** ffprobe as the planner and the verify stage know it, on recorded answers. */

import { stat } from 'node:fs/promises'
import { EncodeError } from '../src/core/errors.ts'
import { parseProbe } from '../src/media/parse-probe.ts'
import { probeArguments } from '../src/media/probe-arguments.ts'
import type { Ffprobe } from '../src/plan/ffprobe.ts'
import type { Recorder } from './recorded-commands.ts'

export function createRecordedFfprobe(commands: Recorder): Ffprobe {
  async function read(argv: readonly string[], signal?: AbortSignal): Promise<string> {
    const { status, stdout, stderr } = await commands.run(['ffprobe', ...argv])
    signal?.throwIfAborted()
    if (status === 0) return stdout
    throw new EncodeError('SOURCE_UNREADABLE', `ffprobe cannot read it: ${stderr}`)
  }

  return {
    read,
    async probe(path, signal) {
      const { size, mtimeMs } = await stat(path)
      return parseProbe(await read(probeArguments(path), signal), { path, sizeBytes: size, mtimeMs })
    },
  }
}
