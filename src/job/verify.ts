/**
 * The verify stage: is what stands here what the host wrote, and is it a whole encode of the source? ffmpeg's exit status 0 is no
 * proof, and a header is a promise. `off` believes the size alone; `quick` looks at both ends; `full` has the host decode all of it
 * beforehand (`decode-on-host.ts`), and looks as `quick` does.
 */

import { open, stat } from 'node:fs/promises'
import { EncodeError } from '../core/errors.ts'
import { canDecode, DECODERS_ARGUMENTS } from '../media/decoders.ts'
import { expectPicture, isOfSize, listCopied } from '../media/expect-picture.ts'
import { expectResult, withMeasuredEnd } from '../media/expect-result.ts'
import { findStrayBytes } from '../media/find-stray-bytes.ts'
import { judgeFrames } from '../media/judge-frames.ts'
import { judgeResult } from '../media/judge-result.ts'
import { findEarlyEnds, judgeStreamEnds } from '../media/judge-stream-ends.ts'
import { lengthTolerance } from '../media/length-tolerance.ts'
import { selectPlayable } from '../media/playable.ts'
import type { QuickLook } from '../media/quick-look.ts'
import type { MediaInfo } from '../model/media.ts'
import type { JobContext } from './job-context.ts'
import { refuseUnfinished } from './judge-source-damage.ts'
import { lookAtMedia, readEnd, withMeasuredEnds } from './look-at-media.ts'

/** A network filesystem may show a stale size for some seconds after a host has written. */
const SETTLE_ATTEMPTS = 20
const SETTLE_EVERY_MS = 250
const HEAD_BYTES = 256

/** What verification needs of a job's context. */
export type VerifyContext = Pick<JobContext, 'plan' | 'clock' | 'signal' | 'readMedia' | 'onWarning'>

/** @param resultBytes size on the host. Rejects with RESULT_NOT_WHOLE, naming every reason. */
export async function verify(context: VerifyContext, path: string, resultBytes: number): Promise<void> {
  const sizeBytes = await settledSize(context, path, resultBytes)
  const reasons = await (context.plan.profile.verify === 'off'
    ? judgeSize(sizeBytes, resultBytes)
    : judge(context, path, sizeBytes, resultBytes))
  if (reasons.length === 0) return
  throw new EncodeError('RESULT_NOT_WHOLE', `The result is not whole: ${reasons.join('; ')}`, {
    hint: 'It was thrown away; the source is untouched',
  })
}

async function settledSize({ clock, signal }: VerifyContext, path: string, resultBytes: number): Promise<number> {
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

function judgeSize(sizeBytes: number, resultBytes: number): readonly string[] {
  if (sizeBytes === 0) return ['it is empty']
  return sizeBytes === resultBytes ? [] : [`it has ${sizeBytes} of ${resultBytes} bytes`]
}

async function judge(context: VerifyContext, path: string, sizeBytes: number, resultBytes: number): Promise<readonly string[]> {
  const { source, arguments: args, profile } = context.plan
  const nearSeconds = source.durationSeconds > 0 ? source.durationSeconds : undefined
  const { quick, endSeconds: lastPacketSeconds } = await lookAtMedia(context, { path, sizeBytes, nearSeconds })
  const expect = (believed: MediaInfo) => expectResult(believed, args, profile.extension)
  const judgeAgainst = (believed: MediaInfo) =>
    judgeResult({ expectation: expect(believed), result: quick?.media, lastPacketSeconds, expectedSizeBytes: resultBytes })
  let reasons = judgeAgainst(source)
  let sourceEnd: number | undefined
  if (quick !== undefined && sizeBytes > 0 && (reasons.length > 0 || source.durationSeconds <= 0)) {
    // The source's own header may lie; where its data ends is the truth that a result is held against.
    sourceEnd = await readEnd(context, source.path, source)
    if (sourceEnd !== undefined) reasons = judgeAgainst(withMeasuredEnd(source, sourceEnd))
  }
  if (reasons.length > 0 || quick === undefined) return reasons
  const hidden = await judgeInside(context, path, { ...quick, endSeconds: lastPacketSeconds }, expect(source).durationSeconds !== undefined)
  if (hidden.length === 0 && sourceEnd !== undefined) await warnOfShortSource(context, sourceEnd)
  return hidden
}

/** What sizes, headers and lengths do not show. The source is looked at only where something is amiss. */
async function judgeInside(context: VerifyContext, path: string, look: QuickLook, keepsLength: boolean): Promise<readonly string[]> {
  const { source, arguments: args } = context.plan
  const stray = await findStrayBytesOf(path, look.media)
  const faults = judgeFrames(look)
  const earlyEnds = keepsLength ? findEarlyEnds(look) : []
  const picture = expectPicture(source, args)
  const isOther = picture !== undefined && !isPictureOf(look, picture)
  const reasons = stray === undefined ? [] : [stray]
  if (faults.length === 0 && earlyEnds.length === 0 && !isOther) return reasons

  const { startSeconds = 0, durationSeconds, sizeBytes } = source
  const near = durationSeconds > 0 ? startSeconds + durationSeconds : undefined
  const { quick: sourceLook } = await lookAtMedia(context, { path: source.path, sizeBytes, nearSeconds: near })
  const copied = listCopied(args)
  const sourceFaults = sourceLook === undefined ? [] : judgeFrames(sourceLook)
  for (const { kind, codec, isSilent, reason } of faults) {
    if (copied.has(kind) && sourceFaults.some((fault) => fault.kind === kind)) continue
    if (isSilent && !(await canDecodeHere(context, codec))) continue
    reasons.push(reason)
  }
  if (sourceLook !== undefined && judgeStreamEnds(look, sourceLook, earlyEnds).length > 0) {
    reasons.push(...judgeStreamEnds(await withMeasuredEnds(context, path, look, earlyEnds), sourceLook, earlyEnds))
  }
  const shown = sourceLook === undefined ? undefined : findPicture(sourceLook)
  const found = findPicture(look)
  // A source whose header says something else than its pictures: they are what ffmpeg goes by.
  if (isOther && found !== undefined && !(shown !== undefined && isOfSize(found, shown))) {
    reasons.push(`its picture has ${found.width}x${found.height} pixels, not ${picture.width}x${picture.height}`)
  }
  return reasons
}

function isPictureOf(look: QuickLook, wanted: { readonly width: number; readonly height: number }): boolean {
  const found = selectPlayable(look.media).filter(({ kind }) => kind === 'video')
  return found.every(({ width, height }) => width === undefined || height === undefined || isOfSize({ width, height }, wanted))
}

/** Of the first picture that was decoded; else what the header says. */
function findPicture(look: QuickLook): { readonly width: number; readonly height: number } | undefined {
  const stream = selectPlayable(look.media).find(({ kind }) => kind === 'video')
  const shown = look.streams.find(({ index }) => index === stream?.index)
  const [width, height] = [shown?.width ?? stream?.width, shown?.height ?? stream?.height]
  return width === undefined || height === undefined ? undefined : { width, height }
}

async function canDecodeHere({ readMedia, signal }: VerifyContext, codec: string): Promise<boolean> {
  return canDecode(await readMedia(DECODERS_ARGUMENTS, signal), codec)
}

/** ffmpeg encodes a source that was cut off as far as it goes: nothing more is lost, but its owner should know. */
async function warnOfShortSource({ plan: { source }, onWarning }: VerifyContext, endSeconds: number): Promise<void> {
  const { durationSeconds } = source
  if (durationSeconds - endSeconds <= lengthTolerance(durationSeconds)) return
  // A subtitle or a chapter may outlast everything that plays.
  const mayOutlast = source.streams.some(({ kind }) => kind === 'subtitle' || kind === 'data')
  if (mayOutlast && (await findStrayBytesOf(source.path, source)) === undefined) return
  const missing = (durationSeconds - endSeconds).toFixed(1)
  const lack = `its header promises ${durationSeconds.toFixed(1)} s, but its data ends at ${endSeconds.toFixed(1)} s`
  await refuseUnfinished(source.path, lack)
  onWarning(`${source.path}: ${lack}: the last ${missing} s were not there to be encoded`)
}

async function findStrayBytesOf(path: string, { container }: MediaInfo): Promise<string | undefined> {
  await using file = await open(path)
  const { size } = await file.stat()
  const readFile = async (offset: number, length: number): Promise<Uint8Array> => {
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  }
  // The first parts of a container are short and stand close together.
  const head = await readFile(0, HEAD_BYTES)
  const read = async (offset: number, length: number): Promise<Uint8Array> =>
    offset + length <= head.length ? head.subarray(offset, offset + length) : await readFile(offset, length)
  return await findStrayBytes(read, size, container)
}
