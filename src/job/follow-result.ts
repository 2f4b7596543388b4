/**
 * Fetches a result while ffmpeg still writes it, so that little is left to be fetched when it ends. Whatever goes wrong, the result is
 * fetched afterwards as it would have been: only one whose hash is that of the host's file is believed.
 */

import type { Growth } from '../host/host.ts'
import type { JobPlan } from '../model/plan.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import type { JobContext, StageProgress } from './job-context.ts'

export interface ResultFollower extends AsyncDisposable {
  /** Where the encode stage stands. */
  report(progress: StageProgress): void
  /**
   * ffmpeg has ended: resolves when what is left has come, to whether the result stands here. Never rejects.
   * @param onBytes bytes that are here, with those that came before.
   */
  finish(resultBytes: number, onBytes: (bytes: number) => void): Promise<boolean>
}

/** What is here sooner than that is here before its beginning has come again and its hashes are made; see docs/decisions. */
const WORTH_SECONDS = 0.5
/** The same where nobody knows yet how fast the link is. */
const WORTH_BYTES = 16 * 1024 * 1024
/** Asked for at a time, at least: each time a program is started on the host. */
const STEP_BYTES = 1024 * 1024
/** Before that the size of the result is a guess. */
const FOLLOWED_FROM_PERCENT = 5
/** With a threshold: the saving must have shown, and be so much better, or the result may be thrown away. */
const SURE_FROM_PERCENT = 20
const SURE_BY_PERCENT = 10

/** Containers whose muxers write on, and go back to the beginning alone. */
const FOLLOWED = /^\.(?:mkv|mk3d|mka|webm|mp4|m4v|mov|ts|m2ts|mts)$/i

export function followResult(context: JobContext, route: MediaRoute): ResultFollower {
  const { plan, takeTurn } = context
  const stopped = new AbortController()
  const signal = AbortSignal.any([context.signal, stopped.signal])
  const growth = createGrowth(signal)
  const { follow } = route
  const mayFollow = follow !== undefined && FOLLOWED.test(plan.profile.extension) && !isRewritten(plan)
  let following: Promise<boolean> | undefined
  let hereBytes = 0
  let tellBytes: ((bytes: number) => void) | undefined

  function begin(): void {
    const onBytes = (bytes: number): void => {
      hereBytes = bytes
      if (tellBytes === undefined) context.onMoved?.('return', bytes)
      else tellBytes(bytes)
    }
    following = follow?.(growth, { signal, turn: takeTurn?.('return'), onBytes }).then(
      () => true,
      () => false,
    )
  }

  return {
    report({ sizeBytes, percent, savedPercent }) {
      if (!mayFollow || signal.aborted || sizeBytes === null || percent === null) return
      // A second start of ffmpeg writes another file; one that outgrows its source is not worth a disk that fills up.
      if (sizeBytes < growth.sizeBytes || sizeBytes > plan.source.sizeBytes) return stopped.abort()
      if (following === undefined && isWorthIt({ sizeBytes, percent, savedPercent }, context)) begin()
      growth.tell(sizeBytes)
    },
    async finish(resultBytes, onBytes) {
      if (following === undefined) return false
      tellBytes = onBytes
      if (hereBytes > 0) onBytes(hereBytes)
      if (resultBytes < growth.sizeBytes) stopped.abort()
      growth.end(resultBytes)
      return await following
    },
    async [Symbol.asyncDispose]() {
      if (following === undefined) return
      stopped.abort()
      await following
    },
  }
}

function isWorthIt(
  { sizeBytes, percent, savedPercent }: Pick<Known, 'sizeBytes' | 'percent'> & Pick<StageProgress, 'savedPercent'>,
  { plan: { profile }, linkBytesPerSecond }: JobContext,
): boolean {
  if (percent < FOLLOWED_FROM_PERCENT) return false
  const wholeBytes = (sizeBytes / percent) * 100
  const rate = linkBytesPerSecond?.('return') ?? linkBytesPerSecond?.('fetch')
  if (rate === undefined ? wholeBytes < WORTH_BYTES : wholeBytes / rate < WORTH_SECONDS) return false
  if (profile.threshold <= 0) return true
  return percent >= SURE_FROM_PERCENT && savedPercent !== null && savedPercent >= profile.threshold + SURE_BY_PERCENT
}

interface Known {
  readonly sizeBytes: number
  readonly percent: number
}

/** `-movflags +faststart` moves every byte at the end; `-f` may name a muxer that writes several files. */
function isRewritten({ arguments: { output } }: JobPlan): boolean {
  return output.some((option, at) => option === '-f' || (option === '-movflags' && /faststart/.test(output[at + 1] ?? '')))
}

interface ToldGrowth extends Growth {
  readonly sizeBytes: number
  tell(sizeBytes: number): void
  end(sizeBytes: number): void
}

function createGrowth(signal: AbortSignal): ToldGrowth {
  let size = 0
  let isWhole = false
  let changed = Promise.withResolvers<void>()
  const wake = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  signal.addEventListener('abort', wake, { once: true })
  return {
    get sizeBytes() {
      return size
    },
    tell(sizeBytes) {
      size = sizeBytes
      wake()
    },
    end(sizeBytes) {
      size = sizeBytes
      isWhole = true
      wake()
    },
    async more(thanBytes) {
      while (!isWhole && size < thanBytes + STEP_BYTES) {
        signal.throwIfAborted()
        await changed.promise
      }
      signal.throwIfAborted()
      return { sizeBytes: size, isWhole }
    },
  }
}
