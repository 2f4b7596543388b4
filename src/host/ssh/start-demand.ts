/**
 * Asks a host for a file piece by piece, some ahead of what has arrived, so that what may come here is this side's to say: under a limit, or
 * while the file still grows. The command line over there is that of `sendOnDemand`.
 *
 * What is asked for exists, and was written a moment ago: a host that gives nothing of it hangs, or has said what is not so. It is given
 * half a minute, and not the five that a disk may take over a file that nobody has told of.
 */

import type { ClientChannel } from 'ssh2'
import type { Growth } from '../host.ts'
import type { Pace } from './transfer-channel.ts'
import { excessError, unansweredError } from './transfer-errors.ts'

export interface DemandOptions {
  /** Bytes that are here already. */
  readonly offset: number
  readonly growth: Growth
  readonly pace: Pace
  /** How long nothing may come of what was asked for; half a minute unless told. */
  readonly answerMs?: number | undefined
}

/** For who receives, all of it is paid for. */
export interface Demand extends Pace {
  /** Never resolves; rejects when no more can be asked for, or nothing comes of it. */
  readonly failed: Promise<never>
}

/** On a limited rate 0.4 s, which is more than the way there and back takes. */
const PIECES_AHEAD = 8
/** A file that grows more slowly than it moves: others go meanwhile. */
const RESTS_AFTER_MS = 200
/** A disk that sleeps needs ten seconds, and several of them one after the other as many again. */
const ANSWER_MS = 30_000
const ANSWER_STEPS = 20

export function startDemand(channel: ClientChannel, { offset, growth, pace, answerMs = ANSWER_MS }: DemandOptions): Demand {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  let askedBytes = offset
  let arrivedBytes = offset
  let onArrived: (() => void) | undefined
  // Counted in steps: time in which this machine stood still is none in which the host was silent.
  let silentSteps = 0
  const watch = setInterval(() => {
    // What is not read here cannot come.
    const isAwaited = arrivedBytes < askedBytes && !channel.isPaused()
    silentSteps = isAwaited ? silentSteps + 1 : 0
    if (silentSteps >= ANSWER_STEPS) reject(unansweredError(askedBytes - arrivedBytes, answerMs))
  }, answerMs / ANSWER_STEPS)
  channel.once('close', () => clearInterval(watch))

  async function ask(): Promise<void> {
    for (let isWhole = false; !isWhole; ) {
      const resting = setTimeout(pace.rest, RESTS_AFTER_MS)
      const there = await pace.waitFor(growth.more(askedBytes)).finally(() => clearTimeout(resting))
      await askUpTo(there.sizeBytes)
      isWhole = there.isWhole
    }
    channel.end()
  }

  async function askUpTo(wantedBytes: number): Promise<void> {
    while (askedBytes < wantedBytes) {
      const bytes = Math.min(pace.pieceBytes(), wantedBytes - askedBytes)
      while (askedBytes - arrivedBytes > PIECES_AHEAD * bytes) {
        await new Promise<void>((resolve) => {
          onArrived = resolve
        })
      }
      await pace.may(bytes)
      askedBytes += bytes
      channel.write(`${bytes}\n`)
    }
  }

  ask().catch(reject)
  failed.catch(() => undefined)
  return {
    ...pace,
    may: async () => undefined,
    onArrived(bytes) {
      silentSteps = 0
      arrivedBytes += bytes
      if (arrivedBytes > askedBytes) reject(excessError(undefined))
      onArrived?.()
    },
    failed,
  }
}
