/**
 * Commands that wait for leave to begin, because their slot is taken: the first in line have their session, login shell and leash by then, and
 * start as soon as a line on stdin says so. Two a host are enough: slots that come free together do so one after the other from then on.
 *
 * Where commands take long it is not worth a session, nor where that would take a connection of its own; and only a process group that is all
 * its own ends with nothing left (`leash.ts`). What is made ready changes nothing for who waits: until a command may begin nothing is told of
 * it, and what could not be made ready is run as if nobody had tried.
 */

import { createCallLimit } from '../../core/call-limit.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { CommandTransport } from '../channel.ts'
import type { RunResult } from '../host.ts'
import type { LeashStart } from './leash-frame.ts'
import { type LeashOptions, runOnLeash } from './run-on-leash.ts'

/** As `runOnLeash`. */
export type RunWaiting = (argv: readonly string[], options: LeashOptions) => Promise<RunResult>

/** Slots come free together now and then, and to make the next one ready takes its time where the host is busy. */
const READY_AT_ONCE = 2
/** A session, a login shell and a leash take 10 ms. */
const SHORT_MS = 10_000

/** @param shortMs commands of a host whose last one took no longer are made ready. */
export function createRunWaiting(transport: CommandTransport, shortMs = SHORT_MS): RunWaiting {
  const places = createCallLimit(READY_AT_ONCE)
  let isShort = false
  let isFutile = false
  let mode: LeashStart['mode'] | undefined
  const onStart = (start: LeashStart): void => {
    mode = start.mode
  }

  /** Undefined when it could not be made ready. */
  async function runReady(argv: readonly string[], options: LeashOptions, mayBegin: Promise<void>): Promise<RunResult | undefined> {
    let mayHaveBegun = false
    const onLeave = (): void => {
      mayHaveBegun = true
    }
    try {
      return await runOnLeash(transport, argv, { ...options, mayBegin, onLeave })
    } catch (error) {
      if (mayHaveBegun || options.signal?.aborted === true) throw error
      isFutile = true
      return undefined
    }
  }

  /** Resolves to whether it is among the first in line; false when it may begin before. It is in line until then. */
  async function comeForward(begins: Promise<void>, signal: AbortSignal | undefined): Promise<boolean> {
    const { promise: isInFront, resolve: come } = Promise.withResolvers<true>()
    const inLine = places.run(async () => {
      come(true)
      await untilAborted(begins, signal)
    }, signal)
    inLine.catch(() => {}) // told by `begins` and the signal
    return await untilAborted(Promise.race([begins.then(() => false), isInFront]), signal)
  }

  /** In its place in the line, and after that. Rejects with what `begins` rejects with. */
  async function runInLine(argv: readonly string[], options: LeashOptions, begins: Promise<void>): Promise<RunResult> {
    const waits = await comeForward(begins, options.signal)
    const isWorthIt = waits && isShort && mode === 'group' && !isFutile && transport.hasRoom?.() !== false
    const result = isWorthIt ? await runReady(argv, options, begins) : undefined
    if (result !== undefined) return result
    await untilAborted(begins, options.signal)
    return await runOnLeash(transport, argv, options)
  }

  return async (argv, { mayBegin, ...options }) => {
    if (mayBegin === undefined) return await runOnLeash(transport, argv, options)
    const refusal = new AbortController()
    const signals = [refusal.signal, ...(options.signal === undefined ? [] : [options.signal])]
    mayBegin.catch((reason: unknown) => refusal.abort(reason))
    let beganMs = 0
    const begins = mayBegin.then(() => {
      beganMs = performance.now()
    })
    const result = await runInLine(argv, { ...options, onStart, signal: AbortSignal.any(signals) }, begins)
    isShort = performance.now() - beganMs < shortMs
    return result
  }
}
