/**
 * The verify stage: is what stands here what the host wrote, and is it a whole encode of the source? ffmpeg's exit status 0 is no
 * proof, and a header is a promise.
 */

import { stat } from 'node:fs/promises'
import { EncodeError, isEncodeError } from '../core/errors.ts'
import { expectResult, withMeasuredEnd } from '../media/expect-result.ts'
import { judgeResult } from '../media/judge-result.ts'
import { allPacketsArguments, lastPacketArguments, parseLastPackets } from '../media/last-packets.ts'
import { parseProbe } from '../media/parse-probe.ts'
import { probeArguments } from '../media/probe-arguments.ts'
import type { MediaInfo } from '../model/media.ts'
import type { JobContext } from './job-context.ts'

/** A network filesystem may show a stale size for some seconds after a host has written. */
const SETTLE_ATTEMPTS = 20
const SETTLE_EVERY_MS = 250

/** @param resultBytes size on the host. Rejects with RESULT_NOT_WHOLE, naming every reason. */
export async function verify(context: JobContext, path: string, resultBytes: number): Promise<void> {
  const { source, arguments: args, profile } = context.plan
  const sizeBytes = await settledSize(context, path, resultBytes)
  const result = await probeResult(context, path, sizeBytes)
  const lastPacketSeconds = result === undefined ? undefined : await readEnd(context, path, result)
  const judge = (believed: MediaInfo) =>
    judgeResult({ expectation: expectResult(believed, args, profile.extension), result, lastPacketSeconds, expectedSizeBytes: resultBytes })
  let reasons = judge(source)
  if (result !== undefined && sizeBytes > 0 && (reasons.length > 0 || source.durationSeconds <= 0)) {
    // The source's own header may lie; where its data ends is the truth that a result is held against.
    const sourceEnd = await readEnd(context, source.path, source)
    if (sourceEnd !== undefined) reasons = judge(withMeasuredEnd(source, sourceEnd))
  }
  if (reasons.length === 0) return
  throw new EncodeError('RESULT_NOT_WHOLE', `The result is not whole: ${reasons.join('; ')}`, {
    hint: 'It was thrown away; the source is untouched',
  })
}

async function settledSize({ clock, signal }: JobContext, path: string, resultBytes: number): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const sizeBytes = await stat(path).then(
      ({ size }) => size,
      () => undefined,
    )
    if (sizeBytes === resultBytes) return sizeBytes
    if (attempt === SETTLE_ATTEMPTS) {
      if (sizeBytes !== undefined) return sizeBytes
      throw new EncodeError('RESULT_NOT_WHOLE', `The result did not appear at "${path}"`, {
        hint: 'Does the host write to the same folder? Check "path-substitutions"',
      })
    }
    await clock.sleep(SETTLE_EVERY_MS, signal)
  }
}

async function probeResult({ readMedia, signal }: JobContext, path: string, sizeBytes: number): Promise<MediaInfo | undefined> {
  try {
    return parseProbe(await readMedia(probeArguments(path), signal), { path, sizeBytes, mtimeMs: 0 })
  } catch (error) {
    if (isEncodeError(error, 'SOURCE_UNREADABLE')) return undefined
    throw error
  }
}

/** Seconds at which the data of a file ends. */
async function readEnd({ readMedia, signal }: JobContext, path: string, media: MediaInfo): Promise<number | undefined> {
  for (const argv of [lastPacketArguments(path, media), allPacketsArguments(path, media)]) {
    const end = parseLastPackets(
      await readMedia(argv, signal).catch((error: unknown) => (isEncodeError(error, 'SOURCE_UNREADABLE') ? '' : Promise.reject(error))),
    )
    if (end !== undefined) return end
  }
  return undefined
}
