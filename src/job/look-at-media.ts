/** What the verify stage knows of a file: one look of ffprobe at both its ends, and further ones only where that told too little. */

import { isEncodeError } from '../core/errors.ts'
import { hasUndecidedEnd } from '../media/judge-frames.ts'
import { allPacketsArguments, lastPacketArguments, parseLastPackets, streamPacketsArguments } from '../media/last-packets.ts'
import { parseQuickLook, type QuickLook, quickLookArguments, type StreamEnds } from '../media/quick-look.ts'
import type { MediaInfo, StreamKind } from '../model/media.ts'
import type { JobContext } from './job-context.ts'

/** Further from the end than this, and the look was no look at the end. */
const MISSED_SECONDS = 1.5
/** A group of pictures may be longer than the first look, where a seek does not come to its beginning (transport streams). */
const WIDER_WINDOWS_SECONDS = [15, 60] as const

export interface MediaLook {
  /** Undefined where ffprobe cannot read the file. */
  readonly quick: QuickLook | undefined
  /** Where its data ends; undefined where no packet was found. */
  readonly endSeconds: number | undefined
}

interface LookedAt {
  readonly path: string
  readonly sizeBytes: number
  /** Where it should end. */
  readonly nearSeconds: number | undefined
}

export async function lookAtMedia(context: Pick<JobContext, 'readMedia' | 'signal'>, file: LookedAt): Promise<MediaLook> {
  let quick = (await lookQuickly(context, file, file.nearSeconds)) ?? (await lookQuickly(context, file, undefined))
  if (quick === undefined) return { quick: undefined, endSeconds: undefined }
  const statedEnd = toStatedEnd(quick.media)
  if (statedEnd !== undefined && Math.abs(statedEnd - (file.nearSeconds ?? 0)) > MISSED_SECONDS) {
    quick = (await lookQuickly(context, file, statedEnd)) ?? quick
  }
  for (const windowSeconds of WIDER_WINDOWS_SECONDS) {
    if (statedEnd === undefined || !hasUndecidedEnd(quick)) break
    quick = (await lookQuickly(context, file, statedEnd, windowSeconds)) ?? quick
  }
  const isAtEnd = statedEnd !== undefined && (quick.endSeconds ?? 0) > quick.media.durationSeconds - MISSED_SECONDS
  return { quick, endSeconds: isAtEnd ? quick.endSeconds : await readEnd(context, file.path, quick.media) }
}

/** Seconds at which the data of a file ends. */
export async function readEnd(
  context: Pick<JobContext, 'readMedia' | 'signal'>,
  path: string,
  media: MediaInfo,
): Promise<number | undefined> {
  const read = async (argv: readonly string[]) => parseLastPackets((await readOrNothing(context, argv)) ?? '')
  const end = await read(lastPacketArguments(path, media))
  // A seek in FLV knows the pictures alone.
  if (end !== undefined && (media.container !== 'flv' || end > media.durationSeconds - MISSED_SECONDS)) return end
  let latest: number | undefined
  for (const argv of allPacketsArguments(path, media)) latest = Math.max((await read(argv)) ?? 0, latest ?? 0) || undefined
  return latest
}

/** With the ends of all streams of a kind measured: a look at the end of the file may have missed them. Reads the file to its end. */
export async function withMeasuredEnds(
  context: Pick<JobContext, 'readMedia' | 'signal'>,
  path: string,
  look: QuickLook,
  kinds: readonly StreamKind[],
): Promise<QuickLook> {
  const streams: StreamEnds[] = []
  for (const stream of look.streams) {
    if (!kinds.includes(stream.kind)) streams.push(stream)
    else {
      const stdout = await readOrNothing(context, streamPacketsArguments(path, stream.index))
      streams.push({ ...stream, endSeconds: parseLastPackets(stdout ?? '') ?? stream.endSeconds })
    }
  }
  const measured = streams.flatMap(({ kind, endSeconds }) => (kinds.includes(kind) && endSeconds !== undefined ? [endSeconds] : []))
  return { ...look, streams, endSeconds: Math.max(look.endSeconds ?? 0, ...measured) }
}

async function lookQuickly(
  context: Pick<JobContext, 'readMedia' | 'signal'>,
  { path, sizeBytes }: LookedAt,
  nearSeconds: number | undefined,
  windowSeconds?: number,
): Promise<QuickLook | undefined> {
  const range = { nearSeconds, windowSeconds }
  const json = await readOrNothing(context, quickLookArguments(path, range))
  if (json === undefined) return undefined
  try {
    return parseQuickLook(json, { path, sizeBytes, mtimeMs: 0 }, range)
  } catch (error) {
    if (isEncodeError(error, 'SOURCE_UNREADABLE')) return undefined
    throw error
  }
}

async function readOrNothing(
  { readMedia, signal }: Pick<JobContext, 'readMedia' | 'signal'>,
  argv: readonly string[],
): Promise<string | undefined> {
  return await readMedia(argv, signal).catch((error: unknown) =>
    isEncodeError(error, 'SOURCE_UNREADABLE') ? undefined : Promise.reject(error),
  )
}

/** In the file's own time. */
function toStatedEnd({ durationSeconds, startSeconds = 0 }: MediaInfo): number | undefined {
  return durationSeconds > 0 ? startSeconds + durationSeconds : undefined
}
