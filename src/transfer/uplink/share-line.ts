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
  /** Of what it moves now; 0 where nobody knows: a result that is fetched while it is written goes at its encoder's pace. */
  readonly leftBytes: () => number
  readonly hold: (isHeld: boolean) => void
}

/** What moves then, in bytes a second. */
interface Narrowed {
  readonly perSecond: number
  /** Of what is over soon nothing was found out. */
  readonly isTried: boolean
}

export interface SharedLine {
  join(member: Member): void
  leave(member: Member): void
}

/** Connections come up to speed. */
const SETTLE_MS = 300
/**
 * What counts as moved is not at once what the line carries: a channel takes two megabytes that have not arrived. Who begins moves more
 * than that before it is measured, and who is stopped is given the time in which it had moved as much.
 */
const UNDER_WAY_BYTES = 2.25 * 1024 * 1024
const LONGEST_SETTLE_MS = 20_000
const MEASURE_MS = 700
/** Two measurements of the same line rarely differ by more; what lies between the two limits is measured again. */
const ENOUGH = 0.85
const TOO_LITTLE = 0.7
const SHORTEST_ROUND_MS = 10_000
/** A round is so many times as long as the tries at its beginning, which cost something where they fail. */
const ROUND_TRIES = 5
/** What begins together is often over before a try could gain anything, and one that fails costs something. */
const FIRST_TRY_MS = 5_000
/** What is over sooner gains less than others lose by a try that fails: the host that is held back, all of its way for a second or two. */
const WORTH_MS = 10_000
/** Who has run alone for so long has shown what it moves then. */
const ALONE_MS = 1_000
/** What was seen of a line holds for so long. */
const REMEMBERED_MS = 60_000
/** Where nobody could be held back, rounds get longer by so much, up to this. */
const LONGER = 2
const LONGEST_ROUND_MS = 160_000

/** @param isLimited whether a limit keeps them from filling the line: then that decides who goes first, and nobody is held back here. */
export function createSharedLine(clock: Clock, isLimited: () => boolean): SharedLine {
  /** In the order in which they came. */
  const members = new Set<Member>()
  let running = Number.POSITIVE_INFINITY
  /** Of those that stand still. */
  let held: ReadonlySet<Member> = new Set()
  /** Grows whenever somebody comes, goes, stops or starts: a measurement across that says nothing. */
  let change = 0
  /** What those who have begun lately had moved then. */
  const fresh = new Map<Member, number>()
  /** Bytes a second, as last measured. */
  const rates = new Map<Member, number>()
  /** When what those who were stopped had under way has arrived. */
  let emptyAtMs = 0
  /** What was found holds when others come and go, until then. */
  let nextTryMs: number | undefined
  let vainRounds = 0
  /** Bytes a second of members while nobody else ran, and when that was. */
  const alone = new Map<Member, { readonly perSecond: number; readonly atMs: number }>()
  /** Since who runs has changed last. */
  let quiet = { sinceMs: clock.now(), bytes: 0 }
  let lonely = new AbortController()

  /** Before who runs changes: whoever has run alone until now. */
  function noteAlone(): void {
    const [only, ...others] = [...members].filter((member) => !held.has(member))
    if (only === undefined || others.length > 0) return
    const { bytes, atMs } = only.moved()
    const passedMs = atMs - quiet.sinceMs
    if (passedMs >= ALONE_MS) alone.set(only, { perSecond: ((bytes - quiet.bytes) / passedMs) * 1000, atMs })
  }

  function beginQuiet(): void {
    const [only] = [...members].filter((member) => !held.has(member))
    quiet = { sinceMs: clock.now(), bytes: only?.moved().bytes ?? 0 }
  }

  /** Each of them moves as much as it did alone: it gains nothing when others stand still. */
  function gainNothing(some: readonly Member[]): boolean {
    return some.every((member) => {
      const before = alone.get(member)
      if (before === undefined || clock.now() - before.atMs > REMEMBERED_MS) return false
      return (rates.get(member) ?? 0) >= before.perSecond * ENOUGH
    })
  }

  function areOverSoon(some: readonly Member[]): boolean {
    return some.every((member) => member.leftBytes() < ((rates.get(member) ?? 0) / 1000) * WORTH_MS)
  }

  function rank(): readonly Member[] {
    return [...members].sort((one, other) => one.neededAtMs() - other.neededAtMs())
  }

  function apply(): void {
    const ranked = rank()
    const before = held
    const next = new Set(ranked.slice(running))
    if (next.size !== before.size || [...next].some((member) => !before.has(member))) {
      noteAlone()
      held = next
      change += 1
      beginQuiet()
    }
    // Who begins is told before those who step back are: the line is never left idle in between.
    for (const member of members) {
      if (!before.has(member) || held.has(member)) continue
      fresh.set(member, member.moved().bytes)
      member.hold(false)
    }
    for (const member of held) {
      if (before.has(member)) continue
      const bytesPerMs = (rates.get(member) ?? 0) / 1000
      if (bytesPerMs > 0) emptyAtMs = Math.max(emptyAtMs, clock.now() + Math.min(UNDER_WAY_BYTES / bytesPerMs, LONGEST_SETTLE_MS))
      member.hold(true)
    }
  }

  function letRun(count: number): void {
    running = count
    apply()
  }

  /** Bytes a second of all together; undefined when who runs has changed meanwhile. */
  async function measure(signal: AbortSignal): Promise<number | undefined> {
    const [begun, beganMs] = [change, clock.now()]
    do await clock.sleep(SETTLE_MS, signal)
    while (change === begun && !isSettled() && clock.now() - beganMs < LONGEST_SETTLE_MS)
    if (change !== begun) return undefined
    fresh.clear()
    const before = new Map([...members].map((member) => [member, member.moved()]))
    await clock.sleep(MEASURE_MS, signal)
    if (change !== begun) return undefined
    let perSecond = 0
    for (const [member, { bytes, atMs }] of before) {
      if (held.has(member)) continue
      const now = member.moved()
      // Between moments at which it had just moved a piece: how large the pieces are makes no difference.
      const rate = now.atMs > atMs ? ((now.bytes - bytes) / (now.atMs - atMs)) * 1000 : 0
      rates.set(member, rate)
      perSecond += rate
    }
    return perSecond
  }

  function isSettled(): boolean {
    if (clock.now() < emptyAtMs) return false
    return [...fresh].every(([member, bytes]) => held.has(member) || member.moved().bytes - bytes >= UNDER_WAY_BYTES)
  }

  /** As few as move what all do; undefined when the answer was interrupted. */
  async function narrow(signal: AbortSignal): Promise<Narrowed | undefined> {
    letRun(Number.POSITIVE_INFINITY)
    const all = await measure(signal)
    if (all === undefined || all === 0) return undefined
    if (isLimited()) return { perSecond: all, isTried: true }
    for (let count = members.size; count > 1; ) {
      const fewer = Math.ceil(count / 2)
      if (count === members.size) {
        const first = rank().slice(0, fewer)
        if (areOverSoon(first)) return { perSecond: all, isTried: false }
        if (gainNothing(first)) return { perSecond: all, isTried: true }
      }
      letRun(fewer)
      const once = await measure(signal)
      if (once === undefined) return undefined
      const isClose = once < all * ENOUGH && once >= all * TOO_LITTLE
      const some = isClose ? await measure(signal) : once
      if (some === undefined) return undefined
      if (some < all * ENOUGH) {
        // Where all are needed, whoever comes next runs, too.
        letRun(count === members.size ? Number.POSITIVE_INFINITY : count)
        return { perSecond: all, isTried: true }
      }
      count = fewer
    }
    return { perSecond: all, isTried: true }
  }

  async function share(signal: AbortSignal): Promise<void> {
    nextTryMs ??= clock.now() + FIRST_TRY_MS
    await clock.sleep(Math.max(0, nextTryMs - clock.now()), signal)
    for (;;) {
      const triedMs = clock.now()
      const narrowed = await narrow(signal)
      if (narrowed === undefined) continue
      if (!narrowed.isTried) {
        nextTryMs = clock.now() + FIRST_TRY_MS
        await clock.sleep(FIRST_TRY_MS, signal)
        continue
      }
      const [beganMs, count] = [clock.now(), members.size]
      vainRounds = held.size > 0 ? 0 : vainRounds + 1
      const shortMs = Math.max(SHORTEST_ROUND_MS, (beganMs - triedMs) * ROUND_TRIES)
      const roundMs = Math.min(shortMs * LONGER ** vainRounds, LONGEST_ROUND_MS)
      nextTryMs = held.size > 0 ? beganMs : beganMs + roundMs
      for (let passedMs = 0; passedMs < roundMs; passedMs = clock.now() - beganMs) {
        const now = await measure(signal)
        if (now !== undefined && held.size > 0 && now < narrowed.perSecond * TOO_LITTLE) break
        // Those who came meanwhile were not tried.
        if (members.size > count && passedMs >= shortMs) break
      }
    }
  }

  return {
    join(member) {
      noteAlone()
      members.add(member)
      beginQuiet()
      fresh.set(member, member.moved().bytes)
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
      if (!members.has(member)) return
      noteAlone()
      members.delete(member)
      beginQuiet()
      fresh.delete(member)
      rates.delete(member)
      change += 1
      if (members.size === 1) {
        lonely.abort()
        running = Number.POSITIVE_INFINITY
      }
      apply()
    },
  }
}
