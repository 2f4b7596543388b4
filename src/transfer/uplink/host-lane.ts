/**
 * What moves one way between the controller and one host: one transfer after the other, so that the first source is there, and encoded, while
 * the next one comes. Side by side all of them would arrive as late as the last one.
 *
 * One alone may not fill the way: it waits for a far host's answers, a disk, or an encoder that reads while it comes. Who tells that it waits lets
 * the next one go meanwhile, while less moves than the way was seen to carry. Not everybody tells, so beside those a second one joins in now and
 * then. Where the two move much more than the one did, all may run; else the others wait again.
 */

import type { Clock } from '../../core/clock.ts'
import type { Member, SharedLine } from './share-line.ts'

export interface LaneMember {
  /** When it begins to be waited for. */
  readonly neededAtMs: () => number
  /** That it has still to move; 0 where nobody knows. */
  readonly leftBytes: () => number
  /** By a program, while it moves: it may go as slowly as that. */
  readonly isRead: boolean
  /** It waits for what it has sent to be taken over there: for the line, or for the reader. */
  readonly isStalled: () => boolean
  /** It would say so. */
  readonly tellsStalls: () => boolean
  readonly hold: (isHeld: boolean) => void
}

export interface HostLane {
  join(member: LaneMember): void
  leave(member: LaneMember): void
  /** So many bytes of it have moved. */
  count(member: LaneMember, bytes: number): void
  /** One of them stalls, or does so no more. */
  changed(): void
}

/** Connections come up to speed. A channel takes two megabytes that have not arrived, and those of who stands still by now are on the way, too. */
const SETTLE_MS = 300
const SETTLE_BYTES = 4.5 * 1024 * 1024
const LONGEST_SETTLE_MS = 5_000
const MEASURE_MS = 1_500
/** Files begin and end meanwhile, and what a channel takes at once comes on top: less than this is no gain. */
const WORTH = 1.5
const STEP_MS = 2_000
/** What moves so much less than it did is held up by something else. */
const SLACK = 0.6
/**
 * What it carries now is taken over so long, and over so many bytes where it is slow: what was handed to a channel has not arrived, and each
 * transfer that takes another's place begins with some of that.
 */
const PACE_MS = 500
const PACE_BYTES = 2 * 1024 * 1024
/** The most that it carries is taken over so long, in which that makes little difference; what it carried before counts less each time. */
const MOST_MS = 2_000
const KEPT_SHARE = 0.8
const FULL_SHARE = 0.75
const SHORTEST_ROUND_MS = 10_000
/** What is over sooner than that gains nothing by a try, and loses half of its way for as long as one lasts. */
const FIRST_TRY_MS = 1_000
/** Also for the sake of those that stand still: some servers end a connection then. */
const LONGEST_ROUND_MS = 160_000
/** Until it was measured: 100 Mbit/s. */
const USUAL_BYTES_PER_MS = 12_500

/**
 * @param line that it shares with other hosts; it is a member there for as long as it has some itself.
 * @param knownBytesPerSecond as an earlier run has seen it. Without, all that begin at first fill their channels, each two megabytes of it, and
 * the first source comes by so much later.
 */
export function createHostLane(clock: Clock, line: SharedLine, knownBytesPerSecond?: number): HostLane {
  /** In the order in which they came. */
  const members = new Set<LaneMember>()
  let running = new Set<LaneMember>()
  /** So many of them run, but for those that stall. */
  let width = 1
  let isHeldByLine = false
  let moved = { bytes: 0, atMs: clock.now() }
  let bytesPerMs = 0
  /** Of all of them, lately. */
  let pace = { bytes: 0, atMs: clock.now(), bytesPerMs: 0 }
  /** The most that it was; undefined until it was measured: then who stalls may do so for its reader. */
  let most: { readonly bytes: number; readonly atMs: number; readonly bytesPerMs: number | undefined } = {
    bytes: 0,
    atMs: clock.now(),
    bytesPerMs: knownBytesPerSecond === undefined ? undefined : knownBytesPerSecond / 1000,
  }
  /** What has moved since then went as fast as the way allows, or some of it. */
  let tellsOfWay = false
  let roundMs = SHORTEST_ROUND_MS
  let nextTryMs: number | undefined
  let lonely = new AbortController()
  let isLookingAgain = false

  const onLine: Member = {
    neededAtMs: () => Math.min(...[...members].map((member) => member.neededAtMs())),
    moved: () => moved,
    leftBytes: () => Math.max(0, ...[...running].map((member) => member.leftBytes())),
    hold(isHeld) {
      isHeldByLine = isHeld
      // The time in which it stood still is no time of its own.
      moved = { ...moved, atMs: clock.now() }
      beginPace()
      apply()
    },
  }

  function apply(): void {
    const ranked = [...members].map((member) => ({ member, due: toDueMs(member), isLater: member.neededAtMs() > clock.now() }))
    ranked.sort((one, other) => Number(one.isLater) - Number(other.isLater) || one.due - other.due)
    running = new Set<LaneMember>()
    let going = 0
    for (const { member } of isHeldByLine ? [] : ranked) {
      if (going >= width) break
      running.add(member)
      if (isFull() || !member.isStalled()) going += 1
    }
    // Who begins is told before those who step back are: the way is never left idle in between.
    for (const member of running) member.hold(false)
    for (const member of members) if (!running.has(member)) member.hold(true)
    if (members.size > running.size && isFull() && [...running].some((member) => member.isStalled())) lookAgain()
  }

  /** Where nothing moves any more nobody counts it: the one that stalls may wait for another one, whose answer its reader needs first. */
  function lookAgain(): void {
    if (isLookingAgain) return
    isLookingAgain = true
    const looked = (): void => {
      isLookingAgain = false
    }
    clock.sleep(paceMs(), lonely.signal).then(() => {
      looked()
      measurePace()
      apply()
    }, looked)
  }

  /**
   * By what would have been there first, had each begun when it was needed: a short one need not wait for a long one, nor a long one for ever.
   * Before those that nobody waits for yet, however short they are, come those that somebody waits for: a slot that must wait for the rest of its
   * source is free so much later for the next one.
   */
  function toDueMs(member: LaneMember): number {
    return member.neededAtMs() + member.leftBytes() / (bytesPerMs || most.bytesPerMs || USUAL_BYTES_PER_MS)
  }

  /** As much moves as it was seen to carry: whoever waits, waits for the line. */
  function isFull(): boolean {
    return most.bytesPerMs !== undefined && pace.bytesPerMs >= most.bytesPerMs * FULL_SHARE
  }

  function paceMs(): number {
    return most.bytesPerMs === undefined ? PACE_MS : Math.min(Math.max(PACE_MS, PACE_BYTES / most.bytesPerMs), MOST_MS)
  }

  function measurePace(): void {
    const now = { bytes: moved.bytes, atMs: clock.now() }
    const rateSince = (then: typeof now): number => (now.bytes - then.bytes) / (now.atMs - then.atMs)
    if (now.atMs - pace.atMs >= paceMs()) pace = { ...now, bytesPerMs: rateSince(pace) }
    const passedMs = now.atMs - most.atMs
    if (passedMs < MOST_MS) return
    const keptBytesPerMs = (most.bytesPerMs ?? 0) * KEPT_SHARE ** (passedMs / MOST_MS)
    most = { ...now, bytesPerMs: tellsOfWay ? Math.max(rateSince(most), keptBytesPerMs) : most.bytesPerMs }
    tellsOfWay = false
  }

  /** Nothing moved lately that could be measured. */
  function beginPace(): void {
    pace = { bytes: moved.bytes, atMs: clock.now(), bytesPerMs: most.bytesPerMs ?? 0 }
    most = { ...most, bytes: moved.bytes, atMs: clock.now() }
    tellsOfWay = false
  }

  function letRun(count: number): void {
    width = count
    apply()
  }

  /** Bytes a millisecond of those that run. */
  async function measure(signal: AbortSignal): Promise<number> {
    const begun = { bytes: moved.bytes, atMs: clock.now() }
    do await clock.sleep(SETTLE_MS, signal)
    while (moved.bytes - begun.bytes < SETTLE_BYTES && clock.now() - begun.atMs < LONGEST_SETTLE_MS)
    return await measureFor(MEASURE_MS, signal)
  }

  async function measureFor(ms: number, signal: AbortSignal): Promise<number> {
    const before = { bytes: moved.bytes, atMs: clock.now() }
    await clock.sleep(ms, signal)
    return (moved.bytes - before.bytes) / Math.max(1, clock.now() - before.atMs)
  }

  async function watch(signal: AbortSignal): Promise<void> {
    nextTryMs ??= clock.now() + FIRST_TRY_MS
    for (;;) {
      await untilNextTry(signal)
      if (width === 1 && isTold()) {
        await clock.sleep(STEP_MS, signal)
        continue
      }
      letRun(1)
      const alone = await measure(signal)
      letRun(2)
      const both = await measure(signal)
      // While the line is another host's this says nothing.
      const isValid = !isHeldByLine && both > 0
      letRun(isValid && both > alone * WORTH ? Number.POSITIVE_INFINITY : 1)
      if (isValid) bytesPerMs = width === 1 ? Math.max(alone, both) : both
      nextTryMs = clock.now() + roundMs
      roundMs = Math.min(roundMs * 2, LONGEST_ROUND_MS)
    }
  }

  /** Sooner where the one that runs is held up. */
  async function untilNextTry(signal: AbortSignal): Promise<void> {
    for (let leftMs = untilTryMs(); leftMs > 0; leftMs = untilTryMs()) {
      const now = await measureFor(Math.min(STEP_MS, leftMs), signal)
      if (width > 1 || isHeldByLine || isTold() || now >= bytesPerMs * SLACK) continue
      roundMs = SHORTEST_ROUND_MS
      return
    }
  }

  /** Those that run would say if they did not fill the way. */
  function isTold(): boolean {
    return running.size > 0 && [...running].every((member) => member.tellsStalls())
  }

  function untilTryMs(): number {
    return (nextTryMs ?? 0) - clock.now()
  }

  return {
    join(member) {
      members.add(member)
      if (members.size === 1) {
        moved = { ...moved, atMs: clock.now() }
        beginPace()
        line.join(onLine)
      }
      if (members.size === 2) lonely = new AbortController()
      apply()
      if (members.size !== 2) return
      const { signal } = lonely
      watch(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    },
    leave(member) {
      if (!members.delete(member)) return
      if (members.size === 1) lonely.abort()
      if (members.size === 0) {
        line.leave(onLine)
        isHeldByLine = false
      }
      // What was being tried is tried again when there are two.
      if (members.size < 2 && width === 2) width = 1
      apply()
    },
    count(member, bytes) {
      tellsOfWay ||= !member.isRead
      moved = { bytes: moved.bytes + bytes, atMs: clock.now() }
      measurePace()
      if (members.size > 1) apply()
    },
    changed() {
      if (members.size > 1) apply()
    },
  }
}
