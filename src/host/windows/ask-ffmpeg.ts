/** What an ffmpeg says of itself, asked without a shell: its version, and what it was built with. */

import { EncodeError } from '../../core/errors.ts'
import { toPlainLine, toVisible } from '../../core/text.ts'
import { parseCodecs, parseEncoders, parseHwaccels } from '../facts/parse-facts.ts'
import type { HostFacts, RunResult } from '../host.ts'

export interface FfmpegQuestion {
  readonly hostName: string
  readonly ffmpegPath: string
  readonly run: (argv: readonly string[]) => Promise<RunResult>
  /** For one that does not run. */
  readonly hint: string
}

export type FfmpegAnswer = Pick<HostFacts, 'ffmpegVersion' | 'encoders' | 'codecs' | 'hwaccels'>

const MAX_VERSION = 80

/** @throws HOST_NO_FFMPEG when it does not say that it is one. */
export async function askFfmpeg({ hostName, ffmpegPath, run, hint }: FfmpegQuestion): Promise<FfmpegAnswer> {
  const [version, encoders, hwaccels] = await Promise.all([
    run([ffmpegPath, '-version']),
    run([ffmpegPath, '-hide_banner', '-encoders']),
    run([ffmpegPath, '-hide_banner', '-hwaccels']),
  ])
  const firstLine = version.stdout.split(/\r?\n/, 1)[0] ?? ''
  const ffmpegVersion = toPlainLine(/^ffmpeg version ([^\s,]+)/.exec(firstLine)?.[1] ?? '', MAX_VERSION)
  if (ffmpegVersion === '') {
    const said = toPlainLine(firstLine || version.stderr)
    const why = said === '' ? `status ${version.status}` : `it said "${said}"`
    throw new EncodeError('HOST_NO_FFMPEG', `"${toVisible(ffmpegPath)}" on host "${hostName}" does not run: ${why}`, { hint })
  }
  const lists = `${encoders.stdout}\nhwaccels:\n${hwaccels.stdout}`.replaceAll('\r', '')
  return { ffmpegVersion, encoders: parseEncoders(lists), codecs: parseCodecs(lists), hwaccels: parseHwaccels(lists) }
}
