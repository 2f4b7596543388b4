/**
 * The encode stage while the source still travels: for a job that has its slot already, and nothing else to fetch behind somebody's back.
 * Whatever does not work leaves the job where it was, to fetch its source like any other.
 */

import { isEncodeError } from '../core/errors.ts'
import { untilAborted } from '../core/until-aborted.ts'
import { ArrivalUnfit, type ArrivingSource, type SourceBeginning } from '../transfer/arriving-source.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import { type EncodeVerdict, encode, FfmpegOutput } from './encode.ts'
import type { JobContext } from './job-context.ts'
import { mayArrive } from './may-arrive.ts'

/** Whether its source may be encoded while it comes; whether that is worth it is another question. */
export function mayEncodeArriving({ plan, attempt, host, facts, arrivals }: JobContext, route: MediaRoute): boolean {
  if (route.arrive === undefined || arrivals?.mayTry(host.config) !== true) return false
  // A second attempt goes the way that depends on the least.
  if (attempt > 1) return false
  // A Windows program on a POSIX host is not started through our shell, nor does it see its environment.
  return facts.pathTool === undefined && mayArrive(plan)
}

/**
 * For a job that may, and has its slot or is about to get it. Undefined: the source must be fetched. Rejects as `encode`, and with HOST_LOST,
 * SOURCE_CHANGED or TRANSFER_FAILED.
 * @param beginning what the host has of it already.
 */
export async function encodeArriving(
  context: JobContext,
  route: MediaRoute,
  beginning?: SourceBeginning,
): Promise<EncodeVerdict | undefined> {
  const { plan, host, slot, arrivals, signal } = context
  let source: ArrivingSource | undefined
  try {
    const onBytes = (bytes: number): void => context.onMoved?.('fetch', bytes)
    const turn = context.takeTurn?.('arrive', plan.source.sizeBytes - (beginning?.sizeBytes ?? 0))
    source = await route.arrive?.({ onBytes, turn }, beginning)
    if (source === undefined) return undefined
    await untilAborted(slot.takeEarly(), signal)
    context.onStage('encode')
    return await encodeWhole(context, route, source)
  } catch (error) {
    if (signal.aborted) throw error
    const why = describeUnfit(error, source)
    if (why === undefined) throw error
    if (why.isOfHost) arrivals?.giveUp(host.config, why.message)
    return undefined
  } finally {
    await source?.close()
  }
}

async function encodeWhole(context: JobContext, route: MediaRoute, source: ArrivingSource): Promise<EncodeVerdict> {
  const signal = AbortSignal.any([context.signal, source.broken])
  const verdict = await encode({ ...context, signal }, route, source).catch((error: unknown) => {
    // What ffmpeg said of a source that broke off is no news.
    if (!context.signal.aborted) source.broken.throwIfAborted()
    throw error
  })
  if (verdict.kind === 'finished') await source.assertWhole(verdict.stderr)
  return verdict
}

function describeUnfit(
  error: unknown,
  source: ArrivingSource | undefined,
): { readonly message: string; readonly isOfHost: boolean } | undefined {
  if (error instanceof ArrivalUnfit) return error
  const output = isEncodeError(error, 'ENCODE_FAILED') ? error.cause : undefined
  if (!(output instanceof FfmpegOutput)) return undefined
  if (output.frames > 0) return undefined
  // An ffmpeg without HTTP, or one that cannot reach the port. All else may have nothing to do with how the source came: it is tried again.
  const isUnread = source?.hasServed !== true && output.stderr.includes(source?.input ?? '')
  return { message: 'its ffmpeg does not read from a port', isOfHost: isUnread }
}
