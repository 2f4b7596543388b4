/** The encode stage: ffmpeg on the host, its progress read from `-progress`, a hopeless encode ended early. */

import { EncodeError } from '../core/errors.ts'
import type { RunResult } from '../host/host.ts'
import { describeFfmpegFailure } from '../media/describe-ffmpeg-failure.ts'
import { encodePercent, projectedSavedPercent } from '../media/encode-percent.ts'
import { findWriteFault, toAudible } from '../media/find-write-fault.ts'
import { createProgressParser } from '../media/progress-parser.ts'
import type { EncodeProgress } from '../model/media.ts'
import { toFfmpegArguments } from '../model/plan.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import { takeCoversOut } from './attach-covers.ts'
import type { JobContext, StageProgress } from './job-context.ts'

/** Flags that encode adds for itself: no terminal, no banner, progress as data on stdout. */
const OWN_FLAGS = ['-nostdin', '-hide_banner', '-nostats', '-progress', 'pipe:1'] as const

export type EncodeVerdict =
  | { readonly kind: 'finished'; readonly argv: readonly string[]; readonly stderr: string }
  /** Ended early: what is done so far shows that the threshold will not be met. */
  | { readonly kind: 'hopeless'; readonly savedPercent: number }

/** Rejects with ENCODE_FAILED (ffmpeg's own words as its cause's message) or HOST_LOST. */
export async function encode(context: JobContext, route: MediaRoute): Promise<EncodeVerdict> {
  const { plan, host, facts } = context
  const hopeless = new AbortController()
  let projectedSaving = 0
  let frames = 0
  const progress = createProgressParser((report) => {
    frames = report.frame
    const stage = toStageProgress(report, context)
    context.onProgress('encode', stage)
    if (isHopeless(stage, context)) {
      projectedSaving = stage.savedPercent ?? 0
      hopeless.abort()
    }
  })
  const covers = await takeCoversOut(context, route)
  const { input, output } = plan.arguments
  const args = { input, output: [...output, ...covers.options, ...toAudible([...input, ...output])] }
  const argv = [facts.ffmpegPath, ...OWN_FLAGS, ...toFfmpegArguments(args, route.hostSource, route.hostResult)]
  let result: RunResult
  try {
    result = await host.run(argv, {
      signal: AbortSignal.any([context.signal, hopeless.signal]),
      onStdout: (chunk) => progress.push(chunk),
      env: { ...host.config.env, AV_LOG_FORCE_NOCOLOR: '1' },
      nice: host.config.nice,
      keepsAwake: true,
    })
  } catch (error) {
    if (hopeless.signal.aborted && !context.signal.aborted) return { kind: 'hopeless', savedPercent: projectedSaving }
    throw error
  } finally {
    // A host that is gone keeps the names in the journal.
    await covers.remove().catch(() => {})
  }
  progress.end()
  const writeFault = findWriteFault(result.stderr)
  if (result.status === 0 && writeFault === undefined) return { kind: 'finished', argv, stderr: result.stderr }
  throw new EncodeError('ENCODE_FAILED', writeFault ?? describeFfmpegFailure(result.stderr, result.status), {
    cause: new FfmpegOutput({ argv, status: result.status, stderr: result.stderr, frames }),
  })
}

/** ffmpeg's own words, for the log of a failed job. */
export class FfmpegOutput extends Error {
  override readonly name = 'FfmpegOutput'
  readonly argv: readonly string[]
  readonly status: number
  readonly stderr: string
  /** Pictures encoded before it ended. */
  readonly frames: number

  constructor(ended: { readonly argv: readonly string[]; readonly status: number; readonly stderr: string; readonly frames: number }) {
    super(`ffmpeg ended with status ${ended.status}`)
    this.argv = ended.argv
    this.status = ended.status
    this.stderr = ended.stderr
    this.frames = ended.frames
  }
}

function toStageProgress(report: EncodeProgress, { plan }: JobContext): StageProgress {
  const { durationSeconds } = plan.source
  const percent = encodePercent(report, durationSeconds)
  const remainingSeconds = Math.max(0, durationSeconds - report.outSeconds)
  return {
    percent: percent === undefined ? null : toOneDecimal(percent),
    fps: report.fps,
    speed: report.speed,
    etaSeconds: percent === undefined || report.speed <= 0 ? null : Math.round(remainingSeconds / report.speed),
    sizeBytes: report.sizeBytes,
    savedPercent: projectedSavedPercent(report, plan.source) ?? null,
  }
}

function toOneDecimal(value: number): number {
  return Math.round(value * 10) / 10
}

function isHopeless({ percent, savedPercent }: StageProgress, { plan }: JobContext): boolean {
  const { threshold, thresholdCheck } = plan.profile
  if (threshold <= 0 || thresholdCheck >= 100 || percent === null || savedPercent === null) return false
  return percent >= thresholdCheck && savedPercent < threshold
}
