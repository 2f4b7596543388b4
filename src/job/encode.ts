/** The encode stage: ffmpeg on the host, its progress read from `-progress`, a hopeless encode ended early, one that stands still too. */

import { EncodeError } from '../core/errors.ts'
import { formatDuration } from '../core/units.ts'
import { toNice } from '../host/facts/small-machine.ts'
import type { RunResult } from '../host/host.ts'
import { describeFfmpegFailure } from '../media/describe-ffmpeg-failure.ts'
import { encodePercent, projectedSavedPercent } from '../media/encode-percent.ts'
import { findWriteFault, toAudible } from '../media/find-write-fault.ts'
import { createProgressParser } from '../media/progress-parser.ts'
import type { EncodeProgress } from '../model/media.ts'
import { DEFAULT_STALL_SECONDS, toFfmpegArguments } from '../model/plan.ts'
import type { ArrivingSource } from '../transfer/arriving-source.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import { type CoverFiles, takeCoversOut } from './attach-covers.ts'
import type { JobContext, StageProgress } from './job-context.ts'
import { type StallWatch, watchStall } from './stall-watch.ts'

/** Flags that encode adds for itself: no terminal, no banner, progress as data on stdout. */
const OWN_FLAGS = ['-nostdin', '-hide_banner', '-nostats', '-progress', 'pipe:1'] as const

export type EncodeVerdict =
  | { readonly kind: 'finished'; readonly argv: readonly string[]; readonly stderr: string }
  /** Ended early: what is done so far shows that the threshold will not be met. */
  | { readonly kind: 'hopeless'; readonly savedPercent: number }

/**
 * Once all of the source is read, a muxer may go over the whole file again (`-movflags +faststart`) and report nothing: it is given
 * the time in which a slow disk does that.
 */
const FINISHING_PERCENT = 99
const FINISHING_BYTES_A_SECOND = 20_000_000
/** The size is what the host says that it is. */
const LONGEST_FINISHING_MS = 4 * 3_600_000

/** ffmpeg reports twice a second. Who reports more often would fill a log with it. */
const PROGRESS_EVERY_MS = 200

/**
 * Rejects with ENCODE_FAILED (ffmpeg's own words as its cause's message), ENCODE_STALLED or HOST_LOST.
 * @param arriving what is read instead of a file on the host.
 */
export async function encode(context: JobContext, route: MediaRoute, arriving?: ArrivingSource): Promise<EncodeVerdict> {
  const { plan, host, facts } = context
  const hopeless = new AbortController()
  let projectedSaving = 0
  let frames = 0
  let toldMs = Number.NEGATIVE_INFINITY
  let last: EncodeProgress | undefined
  const { stallSeconds = DEFAULT_STALL_SECONDS } = plan.profile
  const stall = watchStall(context.clock, stallSeconds * 1000)
  const signal = AbortSignal.any([context.signal, hopeless.signal, stall.signal])
  const progress = createProgressParser((report) => {
    frames = report.frame
    last = report
    stall.report(`${report.frame} ${report.outSeconds} ${report.sizeBytes}`)
    const stage = toStageProgress(report, context)
    if ((stage.percent ?? 0) >= FINISHING_PERCENT) stall.allowMore(toFinishingMs(report.sizeBytes))
    const nowMs = context.clock.now()
    if (report.isEnd || Math.abs(nowMs - toldMs) >= PROGRESS_EVERY_MS) {
      toldMs = nowMs
      context.onProgress('encode', stage)
    }
    if (isHopeless(stage, context)) {
      projectedSaving = stage.savedPercent ?? 0
      hopeless.abort()
    }
  })
  let covers: CoverFiles | undefined
  let argv: readonly string[]
  let result: RunResult
  try {
    if ((plan.covers ?? []).length > 0) await context.mayEncode
    covers = await takeCoversOut({ ...context, signal }, route)
    const { input, output } = plan.arguments
    const args = {
      input: [...input, ...(arriving?.inputOptions ?? [])],
      output: [...output, ...covers.options, ...toAudible([...input, ...output])],
    }
    argv = [facts.ffmpegPath, ...OWN_FLAGS, ...toFfmpegArguments(args, arriving?.input ?? route.hostSource, route.hostResult)]
    stall.report('started')
    result = await host.run([...(arriving?.launcher ?? []), ...argv], {
      signal,
      onStdout(chunk) {
        arriving?.heed(chunk)
        progress.push(chunk)
      },
      onExit: context.onEncoded,
      env: { ...host.config.env, AV_LOG_FORCE_NOCOLOR: '1', ...arriving?.env },
      nice: toNice(host.config, facts),
      keepsAwake: true,
      mayBegin: context.mayEncode && holdStall(stall, context.mayEncode),
    })
  } catch (error) {
    if (hopeless.signal.aborted && !context.signal.aborted) return { kind: 'hopeless', savedPercent: projectedSaving }
    if (stall.signal.aborted && !context.signal.aborted) throw toStallError(last, plan.source.durationSeconds, stallSeconds)
    throw error
  } finally {
    stall.end()
    // A host that is gone keeps the names in the journal.
    await covers?.remove().catch(() => {})
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

function toStallError(last: EncodeProgress | undefined, durationSeconds: number, stallSeconds: number): EncodeError {
  const where =
    last === undefined || (last.frame === 0 && last.outSeconds === 0)
      ? 'it wrote nothing yet'
      : `it stands at ${formatDuration(last.outSeconds)}${durationSeconds > 0 ? ` of ${formatDuration(durationSeconds)}` : ''}, picture ${last.frame}`
  return new EncodeError('ENCODE_STALLED', `ffmpeg made no progress for ${formatDuration(stallSeconds)}: ${where}`, {
    hint: 'If it is only slow, set a longer "stall_timeout"',
  })
}

/** What waits for its slot has nothing to tell. */
function holdStall(stall: StallWatch, until: Promise<void>): Promise<void> {
  stall.allowMore(Number.POSITIVE_INFINITY)
  const over = until.then(() => {
    stall.allowMore(0)
    stall.report('may begin')
  })
  over.catch(() => {}) // told to whoever waits for it
  return over
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

function toFinishingMs(sizeBytes: number): number {
  return Math.min(LONGEST_FINISHING_MS, (Math.max(0, sizeBytes) / FINISHING_BYTES_A_SECOND) * 1000)
}

function toOneDecimal(value: number): number {
  return Math.round(value * 10) / 10
}

function isHopeless({ percent, savedPercent }: StageProgress, { plan }: JobContext): boolean {
  const { threshold, thresholdCheck } = plan.profile
  if (threshold <= 0 || thresholdCheck >= 100 || percent === null || savedPercent === null) return false
  return percent >= thresholdCheck && savedPercent < threshold
}
