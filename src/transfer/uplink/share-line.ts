/**
 * One direction of the controller's line, shared by transfers to or from several hosts. Nobody tells how fast the line is, nor whether
 * a transfer is slowed by it or by the host's own line; so it is tried: all run, then only the more urgent half, and half of those,
 * for as long as together they move what all had moved. Whoever is beyond that stands still: the bytes it moved were taken from
 * somebody who needs them sooner. Where all have lines of their own, the first try shows it, and nobody is held back.
 *
 * From time to time all run again: the line may have changed, and nobody stands still for ever (some servers end a connection then).
 */

import type { Clock } from '../../core/clock.ts'

export interface Member {
  /** The sooner, the more urgent. Those that are equal go in the order in which they came. */
  readonly neededAtMs: () => number
  /** All that it has moved, and when it last moved some. */
  readonly moved: () => { readonly bytes: number; readonly atMs: number }
  readonly hold: (isHeld: boolean) => void
}

export interface SharedLine {
  join(member: Member): void
  leave(member: Member): void
  /** How urgent members are may have changed. */
  look(): void
}

/** After a change of who runs: what is in buffers arrives, and connections come up to speed. */
const SETTLE_MS = 300
const MEASURE_MS = 700
/** Two measurements of the same line differ by less. */
const ENOUGH = 0.9
const TOO_LITTLE = 0.8
const ROUND_MS = 10_000
/** Where nobody could be held back, it is tried less and less often. */
const LONGEST_ROUND_MS = 80_000

/** @param isLimited whether a limit keeps them from filling the line: then that decides who goes first, and nobody is held back here. */
export function createSharedLine(clock: Clock, isLimited: () => boolean): SharedLine {
  /** In the order in which they came. */
  const members = new Set<Member>()
  let running = Number.POSITIVE_INFINITY
  /** Of those that stand still. */
  let held: ReadonlySet<Member> = new Set()
  /** Grows whenever somebody comes, goes, stops or starts: a measurement across that says nothing. */
  let change = 0
  let lonely = new AbortController()

  function apply(): void {
    const ranked = [...members].sort((one, other) => one.neededAtMs() - other.neededAtMs())
    const before = held
    held = new Set(ranked.slice(running))
    if (held.size !== before.size || [...held].some((member) => !before.has(member))) change += 1
    // Who begins is told before those who step back are: the line is never left idle in between.
    for (const member of members) if (before.has(member) && !held.has(member)) member.hold(false)
    for (const member of held) if (!before.has(member)) member.hold(true)
  }

  function letRun(count: number): void {
    running = count
    apply()
  }

  /** Bytes a second of all together; undefined when who runs has changed meanwhile. */
  async function measure(signal: AbortSignal): Promise<number | undefined> {
    const begun = change
    await clock.sleep(SETTLE_MS, signal)
    const before = new Map([...members].map((member) => [member, member.moved()]))
    await clock.sleep(MEASURE_MS, signal)
    if (change !== begun) return undefined
    let perSecond = 0
    for (const [member, { bytes, atMs }] of before) {
      const now = member.moved()
      // Between moments at which it had just moved a piece: how large the pieces are makes no difference.
      if (now.atMs > atMs) perSecond += ((now.bytes - bytes) / (now.atMs - atMs)) * 1000
    }
    return perSecond
  }

  /** As few as move what all do; undefined when the answer was interrupted. */
  async function narrow(signal: AbortSignal): Promise<number | undefined> {
    letRun(Number.POSITIVE_INFINITY)
    const all = await measure(signal)
    if (all === undefined || all === 0) return undefined
    if (isLimited()) return all
    for (let count = members.size; count > 1; ) {
      const fewer = Math.ceil(count / 2)
      letRun(fewer)
      const some = await measure(signal)
      if (some === undefined) return undefined
      if (some < all * ENOUGH) {
        // Where all are needed, whoever comes next runs, too.
        letRun(count === members.size ? Number.POSITIVE_INFINITY : count)
        return all
      }
      count = fewer
    }
    return all
  }

  async function share(signal: AbortSignal): Promise<void> {
    let roundMs = ROUND_MS
    for (;;) {
      const all = await narrow(signal)
      if (all === undefined) continue
      roundMs = held.size > 0 ? ROUND_MS : Math.min(roundMs * 2, LONGEST_ROUND_MS)
      const [beganMs, count] = [clock.now(), members.size]
      for (let passedMs = 0; passedMs < roundMs; passedMs = clock.now() - beganMs) {
        const now = await measure(signal)
        if (now !== undefined && held.size > 0 && now < all * TOO_LITTLE) break
        if (members.size > count && passedMs >= ROUND_MS) break
      }
    }
  }

  return {
    join(member) {
      members.add(member)
      change += 1
      apply()
      if (members.size !== 2) return
      lonely = new AbortController()
      const { signal } = lonely
      share(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    },
    leave(member) {
      if (!members.delete(member)) return
      change += 1
      if (members.size === 1) {
        lonely.abort()
        running = Number.POSITIVE_INFINITY
      }
      apply()
    },
    look: apply,
  }
}
