import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createUplink, type Trip, type Uplink } from '../../../src/transfer/uplink/uplink.ts'
import { createFakeClock } from '../../fixtures/fake-clock.ts'

type FakeClock = ReturnType<typeof createFakeClock>

interface Moved {
  readonly atMs: number
  readonly bytes: number
}

const TO_HOST = { host: 'one', hostBytesPerSecond: undefined, direction: 'to-host', neededAtMs: () => 0 } as const satisfies Trip

/** Moves bytes through a turn, as fast as it may or as `lineBytesPerSecond` says, until they are over or it is stopped. */
function travel(uplink: Uplink, clock: FakeClock, trip: Partial<Trip>, sizeBytes: number, lineBytesPerSecond = Number.POSITIVE_INFINITY) {
  const turn = uplink.take({ ...TO_HOST, ...trip })
  const moved: Moved[] = []
  const stop = new AbortController()
  const total = (): number => moved.reduce((sum, { bytes }) => sum + bytes, 0)
  async function go(): Promise<void> {
    for (let left = sizeBytes; left > 0; ) {
      const bytes = Math.min(left, turn.pieceBytes())
      await turn.take(bytes, stop.signal)
      moved.push({ atMs: clock.now(), bytes })
      left -= bytes
      const tookMs = (bytes / lineBytesPerSecond) * 1000
      if (tookMs > 0) await clock.sleep(tookMs, stop.signal)
    }
    turn.rest()
  }
  const ended = go().catch((error: unknown) => {
    turn.rest()
    return error
  })
  return { moved, total, turn, ended, stop: () => stop.abort(new Error('stopped')) }
}

function bytesBetween(moved: readonly Moved[], fromMs: number, toMs: number): number {
  return moved.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).reduce((sum, { bytes }) => sum + bytes, 0)
}

describe('a limit', () => {
  test.each([30e3, 1e6, 20e6, 500e6])('of %d B/s holds within 5 % over every five seconds, whoever comes and goes', async (limit) => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: limit, clock })
    const trips = [
      travel(uplink, clock, { host: 'one' }, limit * 9),
      travel(uplink, clock, { host: 'two', direction: 'from-host', neededAtMs: () => 5 }, limit * 2),
    ]
    await clock.advance(4_000)
    trips.push(travel(uplink, clock, { host: 'three', neededAtMs: () => 1 }, limit * 3))
    trips[0]?.stop()
    await clock.advance(1_000)
    trips.push(travel(uplink, clock, { host: 'four' }, limit * 100))
    await clock.advance(11_000)
    const moved = trips.flatMap((trip) => trip.moved)
    for (let fromMs = 0; fromMs <= 11_000; fromMs += 250) {
      const share = bytesBetween(moved, fromMs, fromMs + 5_000) / (limit * 5)
      expect(share).toBeGreaterThan(0.95)
      expect(share).toBeLessThan(1.05)
    }
    for (const trip of trips) trip.stop()
    await Promise.all(trips.map(({ ended }) => ended))
    expect(clock.sleeping()).toBe(0)
  })

  test('of a host holds for that host, and that of the run for all', async () => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: 10e6, clock })
    const slow = [1, 2].map(() => travel(uplink, clock, { host: 'slow', hostBytesPerSecond: 2e6 }, 1e9))
    const free = travel(uplink, clock, { host: 'free', neededAtMs: () => 1e9 }, 1e9)
    await clock.advance(10_000)
    const ofSlow = slow.reduce((sum, trip) => sum + trip.total(), 0)
    expect(ofSlow / 20e6).toBeGreaterThan(0.97)
    expect(ofSlow / 20e6).toBeLessThan(1.03)
    expect((ofSlow + free.total()) / 100e6).toBeGreaterThan(0.97)
    expect((ofSlow + free.total()) / 100e6).toBeLessThan(1.03)
    for (const trip of [...slow, free]) trip.stop()
  })

  test('is for whom a slot waits first; the others still get an eighth', async () => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: 8e6, clock })
    const later = travel(uplink, clock, { host: 'later', neededAtMs: () => 60_000 }, 1e9)
    await clock.advance(1_000)
    const now = travel(uplink, clock, { host: 'now', neededAtMs: () => 1_000 }, 1e9)
    const [laterBefore] = [later.total()]
    await clock.advance(10_000)
    expect(now.total() / 80e6).toBeGreaterThan(0.8)
    expect((later.total() - laterBefore) / 80e6).toBeGreaterThan(0.1)
    for (const trip of [later, now]) trip.stop()
  })

  test('that a slow line does not use up is left to others', async () => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: 10e6, clock })
    const slow = travel(uplink, clock, { host: 'slow', direction: 'from-host' }, 1e9, 1e6)
    const other = travel(uplink, clock, { host: 'other', neededAtMs: () => 60_000 }, 1e9)
    await clock.advance(10_000)
    expect(slow.total() / 10e6).toBeGreaterThan(0.85)
    expect((slow.total() + other.total()) / 100e6).toBeGreaterThan(0.97)
    for (const trip of [slow, other]) trip.stop()
  })

  test('that is not there costs nothing: pieces grow with the speed, and go at once', async () => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: undefined, clock })
    const alone = travel(uplink, clock, {}, 1e9, 100e6)
    expect(alone.turn.isMetered).toBe(false)
    expect(alone.turn.pieceBytes()).toBe(64 * 1024)
    await clock.advance(10_100)
    expect(alone.total()).toBe(1e9)
    expect(alone.turn.pieceBytes()).toBe(1024 * 1024)
    expect(clock.sleeping()).toBe(0)
  })

  test('keeps nobody waiting for a piece larger than what it gathers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1000, max: 1e9 }),
        fc.array(fc.integer({ min: 1, max: 2e6 }), { minLength: 1 }),
        async (rate, sizes) => {
          const clock = createFakeClock()
          const turn = createUplink({ bytesPerSecond: rate, clock }).take(TO_HOST)
          const all = (async () => {
            for (const bytes of sizes) await turn.take(bytes)
          })()
          const totalMs = (sizes.reduce((sum, bytes) => sum + bytes, 0) / rate) * 1000
          await clock.advance(totalMs + 1000)
          await all
        },
      ),
      { numRuns: 25 },
    )
  })

  test('lets go of a transfer that is aborted, or has ended otherwise', async () => {
    const clock = createFakeClock()
    const uplink = createUplink({ bytesPerSecond: 1e6, clock })
    const aborted = travel(uplink, clock, {}, 1e9)
    const ended = uplink.take(TO_HOST)
    const lost = ended.take(1e6)
    lost.catch(() => undefined)
    await clock.advance(100)
    aborted.stop()
    expect(await aborted.ended).toEqual(new Error('stopped'))
    ended.rest()
    await expect(lost).rejects.toThrow('has ended')
    const next = travel(uplink, clock, {}, 100e3)
    await clock.advance(1_000)
    expect(next.total()).toBe(100e3)
    expect(clock.sleeping()).toBe(0)
  })
})
