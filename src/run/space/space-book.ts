/**
 * Free space as it will be when every job under way has written what it is expected to write. A job reserves its bytes in the moment
 * it is placed, so that no two jobs count the same ones.
 *
 * A disk that was measured a while ago has been written to since. What counts is therefore what was measured, minus all that jobs had
 * still to write when that question was put: bytes written since are counted as still to come, never as free a second time. A job that
 * ends keeps its bytes until its place was measured again, which finds its files or finds them gone.
 */

import type { Stage } from '../../model/events.ts'

/** Bytes that one stage of a job will write to one place. */
export interface Need {
  /** Any name that is the same for the same filesystem. */
  readonly place: string
  readonly what: 'source' | 'result'
  /** The stage whose progress tells how much of it is written. */
  readonly stage: Stage
  readonly bytes: number
  /** What must stay free there. */
  readonly keepFreeBytes: number
}

export interface Shortage {
  readonly place: string
  /** As measured. */
  readonly freeBytes: number
  /** Of these, for jobs under way. */
  readonly reservedBytes: number
  readonly neededBytes: number
  readonly keepFreeBytes: number
}

/** `stale`: places to be measured again, without which nothing can be said where it is `ask`. */
export type Look =
  | { readonly kind: 'room'; readonly stale: readonly string[] }
  | { readonly kind: 'ask'; readonly stale: readonly string[] }
  | { readonly kind: 'lack'; readonly shortage: Shortage; readonly stale: readonly string[] }

export interface Reservation {
  /** How far a stage is: what is written needs no reservation, and what grows beyond its reservation gets a larger one. */
  report(stage: Stage, writtenBytes: number | null, percent: number | null): void
  /** What the result is expected to have by now; undefined where nothing of it is written. */
  readonly resultBytes: number | undefined
  /** To be called once, when the files of the job are gone or stand where they stay. */
  release(): void
}

export interface SpaceBook {
  look(needs: readonly Need[]): Look
  /** Whatever `look` said. */
  reserve(needs: readonly Need[]): Reservation
  /** To be called before the question is put; the answer is given to what it returns, undefined where nothing could be told. */
  beginMeasure(place: string): (freeBytes: number | undefined) => void
  /** Reserved and not written as far as was measured. */
  reservedBytes(place: string): number
}

/** A refusal is not repeated by older figures. */
const FRESH_MS = 2_000
/** Old enough to be asked for again, with as much room as it may. */
const RECENT_MS = 5_000
/** Where there is far more room than needed, a job starts at once and the place is measured meanwhile. */
const PLENTY = 10
const PLENTIFUL_MS = 60_000
/** A projection of the result's size from less of it would be a guess. */
const PROJECTED_FROM_PERCENT = 10

interface Claim {
  readonly need: Need
  readonly place: Place
  expectedBytes: number
  writtenBytes: number
  /** Written when the last measurement began: that much is not in what it found free. */
  measuredBytes: number
  isOver: boolean
}

interface Place {
  readonly claims: Set<Claim>
  /** Sums over the claims: thousands of short jobs may end between two measurements. */
  reservedBytes: number
  overClaims: number
  /** Undefined: not measured yet. */
  measured: { readonly freeBytes: number | undefined; readonly atMs: number } | undefined
}

export function createSpaceBook({ now }: { readonly now: () => number }): SpaceBook {
  const places = new Map<string, Place>()

  function placeOf(id: string): Place {
    const place = places.get(id) ?? { claims: new Set(), reservedBytes: 0, overClaims: 0, measured: undefined }
    places.set(id, place)
    return place
  }

  function lookAt(needs: readonly [Need, ...Need[]]): Look {
    const [{ place: id, keepFreeBytes }] = needs
    const place = placeOf(id)
    const { measured } = place
    if (measured === undefined) return { kind: 'ask', stale: [id] }
    const ageMs = now() - measured.atMs
    const isRecent = ageMs <= RECENT_MS
    const stale = isRecent ? [] : [id]
    // A host that was gone for a while may tell by now.
    if (measured.freeBytes === undefined) return { kind: isRecent ? 'room' : 'ask', stale }
    const { reservedBytes } = place
    const neededBytes = needs.reduce((sum, { bytes }) => sum + bytes, 0)
    const leftBytes = measured.freeBytes - reservedBytes - keepFreeBytes
    if (leftBytes < neededBytes) {
      const isSure = ageMs <= FRESH_MS && place.overClaims === 0
      if (!isSure) return { kind: 'ask', stale: [id] }
      return { kind: 'lack', shortage: { place: id, freeBytes: measured.freeBytes, reservedBytes, neededBytes, keepFreeBytes }, stale: [] }
    }
    const isPlenty = leftBytes >= neededBytes * PLENTY && ageMs <= PLENTIFUL_MS
    return { kind: isRecent || isPlenty ? 'room' : 'ask', stale }
  }

  return {
    look(needs) {
      const looks = [...Map.groupBy(needs, ({ place }) => place).values()].flatMap(([first, ...rest]) =>
        first === undefined ? [] : [lookAt([first, ...rest])],
      )
      const stale = looks.flatMap((look) => look.stale)
      const lacking = looks.find((look) => look.kind === 'lack')
      if (lacking !== undefined) return { ...lacking, stale }
      return { kind: looks.some(({ kind }) => kind === 'ask') ? 'ask' : 'room', stale }
    },
    reserve(needs) {
      const claims = needs.map((need) => addClaim(placeOf(need.place), need))
      const results = claims.filter(({ need }) => need.what === 'result')
      return {
        report(stage, writtenBytes, percent) {
          for (const claim of claims) {
            if (claim.need.stage === stage) change(claim, { writtenBytes: Math.max(claim.writtenBytes, writtenBytes ?? 0) })
          }
          const isTold = stage === 'encode' && percent !== null && percent >= PROJECTED_FROM_PERCENT
          const projectedBytes = Math.ceil(isTold ? ((writtenBytes ?? 0) / percent) * 100 : 0)
          for (const claim of results) change(claim, { expectedBytes: Math.max(claim.expectedBytes, projectedBytes) })
        },
        get resultBytes() {
          return results.some(({ writtenBytes }) => writtenBytes > 0)
            ? Math.max(...results.map(({ expectedBytes, writtenBytes }) => Math.max(expectedBytes, writtenBytes)))
            : undefined
        },
        release() {
          for (const claim of claims) {
            claim.isOver = true
            claim.place.overClaims += 1
          }
        },
      }
    },
    beginMeasure(id) {
      const place = placeOf(id)
      const before = [...place.claims].map((claim) => ({ claim, wasOver: claim.isOver, writtenBytes: claim.writtenBytes }))
      return (freeBytes) => {
        place.measured = { freeBytes, atMs: now() }
        for (const { claim, wasOver, writtenBytes } of before) {
          if (wasOver) dropClaim(claim)
          else change(claim, { measuredBytes: writtenBytes })
        }
      }
    },
    reservedBytes: (id) => placeOf(id).reservedBytes,
  }
}

function addClaim(place: Place, need: Need): Claim {
  const claim: Claim = { need, place, expectedBytes: need.bytes, writtenBytes: 0, measuredBytes: 0, isOver: false }
  place.claims.add(claim)
  place.reservedBytes += bytesToCome(claim)
  return claim
}

function change(claim: Claim, to: Partial<Pick<Claim, 'expectedBytes' | 'writtenBytes' | 'measuredBytes'>>): void {
  claim.place.reservedBytes -= bytesToCome(claim)
  Object.assign(claim, to)
  claim.place.reservedBytes += bytesToCome(claim)
}

function dropClaim(claim: Claim): void {
  // Two measurements may have begun before it was dropped.
  if (!claim.place.claims.delete(claim)) return
  claim.place.reservedBytes -= bytesToCome(claim)
  claim.place.overClaims -= 1
}

function bytesToCome({ expectedBytes, writtenBytes, measuredBytes }: Claim): number {
  return Math.max(expectedBytes, writtenBytes) - measuredBytes
}
