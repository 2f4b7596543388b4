/** ffprobe on the controller: the one place where media facts enter the program. */

import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { createCallLimit } from '../core/call-limit.ts'
import { EncodeError } from '../core/errors.ts'
import { createProgramShell } from '../core/program-shell.ts'
import { toPlainLine } from '../core/text.ts'
import { findFirstFrameStream, firstFrameArguments, withFirstFrame } from '../media/first-frame.ts'
import { parseProbe } from '../media/parse-probe.ts'
import { probeArguments } from '../media/probe-arguments.ts'
import type { MediaInfo } from '../model/media.ts'

/** A file that ffprobe cannot make sense of in this time is on a dead mount or is no media. */
const PROBE_TIMEOUT_MS = 60_000
/** Of a film with very many streams and tags, a few hundred kilobytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** It waits for disks and computes a little; encodes that are under way on this machine want its processors, too. */
export const LOOKS_AT_ONCE = Math.min(16, availableParallelism() + 2)
/** Looks at results have a place however many sources there are; a hundred jobs that end together start no hundred programs. */
const CALLS_AT_ONCE = LOOKS_AT_ONCE + availableParallelism()

export interface Ffprobe {
  /** Standard output of ffprobe with these arguments. Rejects with SOURCE_UNREADABLE, or CONFIG_INVALID where there is no ffprobe. */
  read(argv: readonly string[], signal?: AbortSignal): Promise<string>
  /** Facts of one file. Rejects with SOURCE_MISSING or SOURCE_UNREADABLE. */
  probe(path: string, signal?: AbortSignal): Promise<MediaInfo>
}

/** @param maxAnswerBytes whoever says more is not listened to. */
export function createFfprobe(program: string, maxAnswerBytes = MAX_ANSWER_BYTES): Ffprobe {
  const shell = createProgramShell()
  const limit = createCallLimit(CALLS_AT_ONCE)

  async function read(argv: readonly string[], signal?: AbortSignal): Promise<string> {
    const options = { signal, timeoutMs: PROBE_TIMEOUT_MS, maxOutputBytes: maxAnswerBytes }
    const result = await limit.run(async () => await shell.run(program, argv, options), signal)
    if (result.status === 0 && !result.isTooLong) return result.stdout
    if (result.startFailure === 'ENOENT' || result.startFailure === 'EACCES') {
      throw new EncodeError('CONFIG_INVALID', `There is no "${program}" on this machine`, {
        hint: 'Install ffmpeg here (it brings ffprobe; encoding itself may stay on the hosts), or set "ffprobe" in the section "config"',
      })
    }
    const words = result.isTimedOut
      ? `it took longer than ${PROBE_TIMEOUT_MS / 1000} s`
      : result.isTooLong
        ? `it says more than ${maxAnswerBytes / 1024 / 1024} MiB`
        : describeComplaint(result.stderr, argv)
    throw new EncodeError(
      'SOURCE_UNREADABLE',
      `ffprobe cannot read it: ${words === '' ? (result.startFailure ?? `exit status ${result.status}`) : words}`,
    )
  }

  return { read, probe: async (path, signal) => await probeFile(path, read, signal) }
}

/** Facts of one file, by what `read` says of it. Rejects as `probe` does. */
export async function probeFile(path: string, read: Ffprobe['read'], signal?: AbortSignal): Promise<MediaInfo> {
  const file = await stat(path).catch((error: unknown) => {
    throw new EncodeError('SOURCE_MISSING', 'No such file', { cause: error })
  })
  const media = parseProbe(await read(probeArguments(path), signal), { path, sizeBytes: file.size, mtimeMs: file.mtimeMs })
  const stream = findFirstFrameStream(media)
  if (stream === undefined) return media
  return withFirstFrame(media, stream, await read(firstFrameArguments(path, stream), signal).catch(orNothing))
}

/** ffprobe is looked for where it is configured, beside the configured ffmpeg, and else on the PATH. */
export function findFfprobeProgram(config: { readonly ffprobe: string | undefined; readonly ffmpeg: string | undefined }): string {
  if (config.ffprobe !== undefined) return config.ffprobe
  return config.ffmpeg === undefined ? 'ffprobe' : config.ffmpeg.replace(/ffmpeg(\.exe)?$/i, 'ffprobe$1')
}

/** A film whose first frame cannot be decoded may still be one that can be encoded; ffmpeg will tell. */
function orNothing(error: unknown): string {
  if (error instanceof EncodeError) return ''
  throw error
}

const INVALID_DATA = 'Invalid data found when processing input'

/** Its last line; where that says no more than that it is at a loss, what it stumbled over stands before. */
function describeComplaint(stderr: string, argv: readonly string[]): string {
  const lines = stderr
    .trim()
    .split('\n')
    .map((line) => toPlainLine(line))
  const last = withoutPath(lines.at(-1) ?? '', argv)
  if (last !== INVALID_DATA) return last
  return `it is no film, or cut off (${lines.at(-2)?.replace(/^\[.*? @ \w+\] /, '') ?? last})`
}

/** ffprobe begins with the file's name, which whoever reads this has already. */
function withoutPath(line: string, argv: readonly string[]): string {
  const path = argv.at(-1)
  return path !== undefined && line.startsWith(`${path}: `) ? line.slice(path.length + 2) : line
}
