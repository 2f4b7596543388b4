/**
 * The controller's line, and all transfers of one run on it: limits hold for each host and for all together, and what is needed sooner
 * goes first, on the way to each host and among the hosts. A transfer is needed when the slot that waits for its source runs dry, which may
 * be in the past.
 *
 * Limits count what moves in both directions; where there is none, the two directions do not get into each other's way.
 */

import type { Clock } from '../../core/clock.ts'
import type { Turn } from '../../host/turn.ts'
import { createHostLane, type HostLane, type LaneMember } from './host-lane.ts'
import { createSharedLine } from './share-line.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export interface Trip {
  /** Whose limit it is; one name, one host. */
  readonly host: string
  readonly hostBytesPerSecond: number | undefined
  /** What the way to the host was seen to carry before; used until it is seen anew. */
  readonly linkBytesPerSecond?: number | undefined
  readonly direction: 'to-host' | 'from-host'
  /** Milliseconds since 1970 at which somebody would have to wait for it; asked again and again. */
  readonly neededAtMs: () => number
  /** Of the whole file, where it is known: a short one does not wait for a long one. */
  readonly sizeBytes?: number | undefined
  /** By a program, while it moves: how fast it goes says nothing of the line. */
  readonly isRead?: boolean | undefined
}

export interface Uplink {
  /** Joins in with its first byte, and steps out when it rests. */
  take(trip: Trip): Turn
}

export interface UplinkOptions {
  /** Of all hosts together; undefined = no limit. */
  readonly bytesPerSecond: number | undefined
  readonly clock: Clock
}

interface Waiting {
  readonly trip: Traveller
  readonly bytes: number
  readonly go: () => void
  readonly giveUp: (reason: unknown) => void
}

interface Traveller extends Trip {
  isHeld: boolean
  /** The number of the piece that it got last. */
  servedAs: number
  readonly buckets: readonly TokenBucket[]
}

const LARGEST_PIECE = 1024 * 1024
const SMALLEST_PIECE = 64 * 1024
/** A piece is what moves in so long. Of a limit it is a share that five seconds do not show. */
const PIECE_SECONDS = 0.1
const LIMITED_PIECE_SECONDS = 0.05
/** A limit that nobody has had to wait for in so long is not what holds them back. */
const LIMIT_SHOWS_MS = 500
/** Every so many pieces, under a limit, one goes to whoever has waited longest: no disk fills up with results. */
const OUT_OF_TURN = 8

export function createUplink({ bytesPerSecond, clock }: UplinkOptions): Uplink {
  const now = (): number => clock.now()
  const own = bytesPerSecond === undefined ? undefined : createTokenBucket(bytesPerSecond, now)
  const ofHosts = new Map<string, TokenBucket>()
  let lackedAtMs = Number.NEGATIVE_INFINITY
  const isLimited = (): boolean => now() - lackedAtMs < LIMIT_SHOWS_MS
  const lines = { 'to-host': createSharedLine(clock, isLimited), 'from-host': createSharedLine(clock, isLimited) }
  const lanes = { 'to-host': new Map<string, HostLane>(), 'from-host': new Map<string, HostLane>() }
  const waiting = new Set<Waiting>()
  let served = 0
  let nap: AbortController | undefined

  /** Lets all go that may. */
  function serve(): void {
    nap?.abort()
    let waitMs = Number.POSITIVE_INFINITY
    for (let isServed = true; isServed; ) {
      isServed = false
      waitMs = Number.POSITIVE_INFINITY
      for (const next of inOrder()) {
        const lackMs = Math.max(0, ...next.trip.buckets.map((bucket) => bucket.waitMs(next.bytes)))
        if (lackMs === 0) {
          letGo(next)
          isServed = true
          break
        }
        waitMs = Math.min(waitMs, lackMs)
        // What is short for all is kept for the first of them; a host that may take no more leaves it to the others.
        if (own === undefined || own.waitMs(next.bytes) === 0) continue
        lackedAtMs = now()
        break
      }
    }
    if (waitMs < Number.POSITIVE_INFINITY) wakeIn(waitMs)
  }

  function inOrder(): readonly Waiting[] {
    const ready = [...waiting].filter(({ trip }) => !trip.isHeld)
    if (ready.length < 2) return ready
    if (served % OUT_OF_TURN === 0) return ready.sort((one, other) => one.trip.servedAs - other.trip.servedAs)
    return ready.sort((one, other) => one.trip.neededAtMs() - other.trip.neededAtMs())
  }

  function letGo(next: Waiting): void {
    served += 1
    next.trip.servedAs = served
    for (const bucket of next.trip.buckets) bucket.spend(next.bytes)
    waiting.delete(next)
    next.go()
  }

  function wakeIn(ms: number): void {
    nap = new AbortController()
    clock.sleep(ms, nap.signal).then(serve, () => undefined)
  }

  function bucketsFor({ host, hostBytesPerSecond }: Trip): readonly TokenBucket[] {
    let bucket = ofHosts.get(host)
    if (bucket?.bytesPerSecond !== hostBytesPerSecond) bucket = undefined
    if (hostBytesPerSecond !== undefined) {
      bucket ??= createTokenBucket(hostBytesPerSecond, now)
      ofHosts.set(host, bucket)
    }
    return [own, bucket].filter((one) => one !== undefined)
  }

  function laneFor({ host, direction, linkBytesPerSecond }: Trip): HostLane {
    const lane = lanes[direction].get(host) ?? createHostLane(clock, lines[direction], linkBytesPerSecond)
    lanes[direction].set(host, lane)
    return lane
  }

  return {
    take(trip) {
      const buckets = bucketsFor(trip)
      const limit = Math.min(...buckets.map((bucket) => bucket.bytesPerSecond))
      const traveller: Traveller = { ...trip, buckets, isHeld: false, servedAs: 0 }
      const lane = laneFor(trip)
      let moved = { bytes: 0, atMs: now() }
      let isUnderWay = false
      let isStalled = false
      let tellsStalls = false
      let perSecond = 0
      /** Where its speed was measured last. */
      let rated = moved
      let told: ((isHeld: boolean) => void) | undefined

      const member: LaneMember = {
        neededAtMs: trip.neededAtMs,
        leftBytes: () => Math.max(0, (trip.sizeBytes ?? 0) - moved.bytes),
        isRead: trip.isRead === true,
        isStalled: () => isStalled,
        tellsStalls: () => tellsStalls,
        hold(isHeld) {
          if (traveller.isHeld === isHeld) return
          traveller.isHeld = isHeld
          // The time in which it stood still is no time of its own.
          moved = { ...moved, atMs: now() }
          rated = moved
          told?.(isHeld)
          if (!isHeld) serve()
        },
      }

      function setOut(): void {
        if (isUnderWay) return
        isUnderWay = true
        moved = { ...moved, atMs: now() }
        rated = moved
        lane.join(member)
      }

      function count(bytes: number): void {
        const atMs = now()
        moved = { bytes: moved.bytes + bytes, atMs }
        if (atMs - rated.atMs >= PIECE_SECONDS * 1000) {
          const latest = ((moved.bytes - rated.bytes) / (atMs - rated.atMs)) * 1000
          perSecond = perSecond === 0 ? latest : (perSecond + latest) / 2
          rated = moved
        }
        lane.count(member, bytes)
      }

      return {
        isMetered: buckets.length > 0,
        pieceBytes() {
          const usual = buckets.length > 0 ? limit * LIMITED_PIECE_SECONDS : Math.max(SMALLEST_PIECE, perSecond * PIECE_SECONDS)
          return Math.max(1, Math.floor(Math.min(LARGEST_PIECE, usual)))
        },
        async take(bytes, signal) {
          signal?.throwIfAborted()
          setOut()
          const { promise, resolve, reject } = Promise.withResolvers<void>()
          const entry: Waiting = { trip: traveller, bytes, go: resolve, giveUp: reject }
          const onAbort = (): void => {
            waiting.delete(entry)
            reject(signal?.reason)
          }
          signal?.addEventListener('abort', onAbort, { once: true })
          waiting.add(entry)
          serve()
          try {
            await promise
          } finally {
            signal?.removeEventListener('abort', onAbort)
          }
          count(bytes)
        },
        count(bytes) {
          setOut()
          count(bytes)
        },
        watch(onHold) {
          told = onHold
          setOut()
          onHold(traveller.isHeld)
          return {
            [Symbol.dispose]() {
              if (told === onHold) told = undefined
            },
          }
        },
        stall(isNow) {
          tellsStalls = true
          if (isStalled === isNow) return
          isStalled = isNow
          if (isUnderWay) lane.changed()
        },
        rest() {
          told = undefined
          isStalled = false
          for (const entry of waiting) {
            if (entry.trip !== traveller) continue
            waiting.delete(entry)
            entry.giveUp(new Error('The transfer has ended'))
          }
          if (!isUnderWay) return
          isUnderWay = false
          lane.leave(member)
          traveller.isHeld = false
          serve()
        },
      }
    },
  }
}
