/**
 * The source's way to the host: fetched before it is encoded, or encoded while it comes. Which of the two depends on when the slot is free. A job
 * that has it has its source read from here at once; one that is given it while its source is on the way leaves off fetching, and
 * ffmpeg reads what is there from the host's disk and the rest from here.
 */

import { TransferCut } from '../host/transfer-cut.ts'
import { DEFAULT_STALL_SECONDS } from '../model/plan.ts'
import type { SourceBeginning } from '../transfer/arriving-source.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import type { EncodeVerdict } from './encode.ts'
import { encodeArriving, mayEncodeArriving } from './encode-arriving.ts'
import type { JobContext } from './job-context.ts'
import { trackTransfer } from './track-transfer.ts'

/** What comes sooner than that is there before anything could be gained: a port, a token and a command are needed on the host. */
const WORTH_SECONDS = 1
/** Of what is on its way already, which must be brought to an end first. */
const WORTH_CUTTING_SECONDS = 1
/** The same where nobody knows yet how fast the link is; see docs/decisions. */
const WORTH_BYTES = 8 * 1024 * 1024
/** Of a transfer that has begun, before its speed is believed. */
const MEASURED_MS = 400

/** Resolves when the source is there, or to the verdict when it was encoded meanwhile. Rejects as `encode` and the route do. */
export async function bringSource(context: JobContext, route: MediaRoute): Promise<EncodeVerdict | undefined> {
  const { plan, slot } = context
  if (route.fetch === undefined) return undefined
  if (!mayEncodeArriving(context, route)) return await fetchWhole(context, route)
  const granted = slot.takeEarly()
  let beginning: SourceBeginning | undefined
  if (!slot.hasSlot || !isWorthIt(plan.source.sizeBytes, context.linkBytesPerSecond?.('fetch'))) {
    const fetched = await fetchUntil(granted, context, route)
    if (fetched === 'whole') return undefined
    // A file of nothing cannot be read as the beginning of another.
    if (fetched.sizeBytes > 0) beginning = fetched
  }
  return (await encodeArriving(context, route, beginning)) ?? (await fetchWhole(context, route))
}

async function fetchWhole(context: JobContext, route: MediaRoute): Promise<undefined> {
  const { plan, signal } = context
  context.onStage('fetch')
  const onBytes = trackTransfer(context, 'fetch', plan.source.sizeBytes)
  await route.fetch?.({ signal, stallMs: toStallMs(context), turn: context.takeTurn?.('fetch'), onBytes })
}

/** Leaves off once the slot is there and enough is missing to be worth it. */
async function fetchUntil(granted: Promise<void>, context: JobContext, route: MediaRoute): Promise<SourceBeginning | 'whole'> {
  const { plan, clock, signal } = context
  const cut = new AbortController()
  const track = trackTransfer(context, 'fetch', plan.source.sizeBytes)
  let hasSlot = false
  let isOver = false
  let movedBytes = 0
  let first: { readonly bytes: number; readonly atMs: number } | undefined

  function cutIfWorth(): void {
    if (!hasSlot || isOver) return
    const passedMs = clock.now() - (first?.atMs ?? Number.POSITIVE_INFINITY)
    const own = first !== undefined && passedMs >= MEASURED_MS ? ((movedBytes - first.bytes) / passedMs) * 1000 : undefined
    const rate = own ?? context.linkBytesPerSecond?.('fetch')
    const seconds = movedBytes === 0 ? WORTH_SECONDS : WORTH_CUTTING_SECONDS
    if (isWorthIt(plan.source.sizeBytes - movedBytes, rate, seconds)) cut.abort(CUT)
  }

  void granted.then(() => {
    hasSlot = true
    cutIfWorth()
  })
  context.onStage('fetch')
  try {
    await route.fetch?.({
      signal,
      cut: cut.signal,
      stallMs: toStallMs(context),
      turn: context.takeTurn?.('fetch'),
      onBytes(bytes) {
        movedBytes = bytes
        first ??= { bytes, atMs: clock.now() }
        track(bytes)
        cutIfWorth()
      },
    })
    return 'whole'
  } catch (error) {
    if (error instanceof TransferCut) return error
    throw error
  } finally {
    isOver = true
  }
}

const CUT = new Error('The source is encoded while the rest of it comes')

function isWorthIt(leftBytes: number, bytesPerSecond: number | undefined, seconds = WORTH_SECONDS): boolean {
  return bytesPerSecond === undefined ? leftBytes >= WORTH_BYTES : leftBytes / bytesPerSecond >= seconds
}

function toStallMs({ plan }: JobContext): number {
  return (plan.profile.stallSeconds ?? DEFAULT_STALL_SECONDS) * 1000
}
