/**
 * Keeps little of one channel on its way: what the line carries in a tenth of a second, beside what a far host needs for its answers. ssh2 asks
 * nobody. It hands as much to the system as the far side allows, two megabytes, and on a slow line all else waits behind them for a
 * second: the next command, a transfer that is needed sooner. The line is kept just as busy.
 *
 * What has arrived, the channel's window tells (RFC 4254, 5.2): the far side opens it again by what its program has taken. It does so in steps:
 * OpenSSH of 96 KiB, others of half the window, or of all of it. Who is kept waiting for a step that is larger than what is on its way waits for ever.
 */

import type { Duplex } from 'node:stream'
import type { ClientChannel } from 'ssh2'

export interface ChannelFlow {
  /** Resolves when so many bytes may be written, which then are; also when the channel is over. `onStall` as of `StreamFlow`. */
  room(bytes: number, onStall: (isStalled: boolean) => void): Promise<void>
}

export interface ChannelFlowOptions {
  /** Of the connection: whatever comes on it may have opened the window. */
  readonly connection: Duplex
  /** At least what the way there and back takes. */
  readonly wayMs: number
}

/** What a channel of ssh2 has, and does not tell of. */
interface Outgoing {
  readonly outgoing?: { readonly window: number } | undefined
}

const AHEAD_MS = 100
const LEAST_BYTES = 256 * 1024
/** A rate is taken over so long: windows open by leaps. */
const MEASURE_MS = 500
const LONGEST_MEASURE_MS = 1_500
/** Before that, what has arrived is a leap of the window. */
const SHORTEST_MS = 50
const STALLED_AFTER_MS = 50
/** Whoever waits looks again so often, should nothing come on the connection. */
const LOOK_EVERY_MS = 100
/** Without the first step for so long it is presumed to be half of the window, and then all of it. */
const FIRST_STEP_MS = 300
/** Without another one for so long, more may go all the same. */
const NEXT_STEP_MS = 2_000

export function watchChannelFlow(channel: ClientChannel, { connection, wayMs }: ChannelFlowOptions): ChannelFlow {
  const windowBytes = (): number => (channel as Outgoing).outgoing?.window ?? Number.POSITIVE_INFINITY
  const widestBytes = windowBytes()
  let writtenBytes = 0
  let measured = { takenBytes: 0, atMs: performance.now() }
  let mostBytesPerMs = 0
  let firstAtMs: number | undefined
  /** The far side opens its window when its program has taken so many, or fewer; undefined until it has once. */
  let stepBytes: number | undefined
  let presumedStepBytes = 0
  let step = { takenBytes: 0, atMs: performance.now() }

  function underWayBytes(): number {
    return Math.max(0, widestBytes - windowBytes())
  }

  function measure(): void {
    const now = { takenBytes: writtenBytes - underWayBytes(), atMs: performance.now() }
    if (now.takenBytes > step.takenBytes) {
      stepBytes = Math.min(stepBytes ?? Number.POSITIVE_INFINITY, now.takenBytes - step.takenBytes)
      step = now
    }
    const passedMs = now.atMs - measured.atMs
    if (passedMs < MEASURE_MS) return
    // Time in which nothing was written tells nothing.
    if (passedMs < LONGEST_MEASURE_MS) {
      mostBytesPerMs = Math.max(mostBytesPerMs, (now.takenBytes - measured.takenBytes) / passedMs)
    }
    measured = now
  }

  /** Less than the line carries, by the first way there and back: a transfer that begins is not held back for half a second. */
  function bytesPerMsSoFar(): number {
    firstAtMs ??= performance.now()
    return (writtenBytes - underWayBytes()) / Math.max(SHORTEST_MS, performance.now() - firstAtMs)
  }

  function hasRoom(): boolean {
    measure()
    const bytesPerMs = mostBytesPerMs === 0 ? bytesPerMsSoFar() : mostBytesPerMs
    const limit = Math.max(LEAST_BYTES, stepBytes ?? presumedStepBytes, bytesPerMs * (AHEAD_MS + 2 * wayMs))
    return underWayBytes() <= limit || channel.destroyed || !channel.writable
  }

  /** Whether to go on although there is no room, after so long without a step. */
  function isOutOfPatience(withoutMs: number): boolean {
    if (stepBytes !== undefined) return withoutMs >= NEXT_STEP_MS
    if (withoutMs < FIRST_STEP_MS) return false
    presumedStepBytes = presumedStepBytes === 0 ? widestBytes / 2 : widestBytes
    return true
  }

  async function untilRoom(onStall: (isStalled: boolean) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const waitsSinceMs = performance.now()
      const look = (): void => {
        if (!hasRoom() && !isOutOfPatience(performance.now() - Math.max(waitsSinceMs, step.atMs))) return
        connection.off('data', look)
        channel.off('close', look)
        clearInterval(timer)
        clearTimeout(stalling)
        resolve()
      }
      const stalling = setTimeout(() => onStall(true), STALLED_AFTER_MS)
      const timer = setInterval(look, LOOK_EVERY_MS)
      connection.on('data', look)
      channel.on('close', look)
    })
  }

  return {
    async room(bytes, onStall) {
      if (!hasRoom()) await untilRoom(onStall)
      onStall(false)
      writtenBytes += bytes
    },
  }
}
