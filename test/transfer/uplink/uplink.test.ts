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

/** Hosts behind lines of their own, and all behind one: whoever runs gets an equal share, up to what its own line carries. */
function shareLine(clock: FakeClock, lineBytesPerSecond: number) {
  const uplink = createUplink({ bytesPerSecond: undefined, clock })
  let hosts = 0
  const travellers = new Set<{ ownBytesPerSecond: number; isHeld: boolean; move: (bytes: number) => void }>()
  const stop = new AbortController()
  const stepMs = 50
  async function carry(): Promise<void> {
    for (;;) {
      await clock.sleep(stepMs, stop.signal)
      let left = (lineBytesPerSecond * stepMs) / 1000
      const running = [...travellers].filter(({ isHeld }) => !isHeld).sort((one, other) => one.ownBytesPerSecond - other.ownBytesPerSecond)
      for (const [index, traveller] of running.entries()) {
        const bytes = Math.min(left / (running.length - index), (traveller.ownBytesPerSecond * stepMs) / 1000)
        left -= bytes
        traveller.move(bytes)
      }
    }
  }
  carry().catch(() => undefined)
  return {
    stop: () => stop.abort(),
    /** Resolves to the time at which all has arrived. */
    send(
      neededAtMs: number,
      sizeBytes: number,
      ownBytesPerSecond = Number.POSITIVE_INFINITY,
      { direction = 'to-host', host = `host${hosts}`, isRead = false }: Partial<Pick<Trip, 'direction' | 'host' | 'isRead'>> = {},
    ) {
      hosts += 1
      const turn = uplink.take({ host, direction, hostBytesPerSecond: undefined, neededAtMs: () => neededAtMs, sizeBytes, isRead })
      let left = sizeBytes
      let heldMs = 0
      const { promise: arrivedAtMs, resolve } = Promise.withResolvers<number>()
      const traveller = {
        ownBytesPerSecond,
        isHeld: false,
        move(bytes: number) {
          left -= bytes
          turn.count(bytes)
          if (left > 0) return
          travellers.delete(traveller)
          turn.rest()
          resolve(clock.now())
        },
      }
      travellers.add(traveller)
      let sinceMs = 0
      turn.watch((isHeld) => {
        if (traveller.isHeld) heldMs += clock.now() - sinceMs
        sinceMs = clock.now()
        traveller.isHeld = isHeld
      })
      return {
        arrivedAtMs,
        heldMs: () => heldMs,
        movedBytes: () => sizeBytes - left,
        stall: (isStalled: boolean) => turn.stall(isStalled),
        slowTo(bytesPerSecond: number) {
          traveller.ownBytesPerSecond = bytesPerSecond
        },
      }
    },
  }
}

describe('a line that hosts share', () => {
  test('serves them one after the other, in the order in which they are needed, and none later than if all had run', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const sent = [20_000, -5_000, 3_000].map((neededAtMs) => line.send(neededAtMs, 100e6))
    await clock.advance(40_000)
    const [last = 0, first = 0, second = 0] = await Promise.all(sent.map(({ arrivedAtMs }) => arrivedAtMs))
    expect(first).toBeLessThan(16_000)
    expect(second).toBeGreaterThan(first)
    expect(second).toBeLessThan(25_000)
    expect(last).toBeGreaterThan(second)
    expect(last).toBeLessThan(31_000)
    line.stop()
  })

  test('holds nobody back for long whose own line is the narrow one', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 100e6)
    const sent = Array.from({ length: 8 }, (_, index) => line.send(index, 50e6, 1e6))
    await clock.advance(60_000)
    for (const { arrivedAtMs, heldMs } of sent) {
      expect(await arrivedAtMs).toBeLessThan(57_000)
      expect(heldMs()).toBeLessThan(6_500)
    }
    line.stop()
  })

  test('lets as many run as fill it, beside one whose own line is narrow', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const narrow = line.send(0, 20e6, 1e6)
    const wide = [1, 2, 3].map((neededAtMs) => line.send(neededAtMs, 60e6))
    await clock.advance(30_000)
    expect(await narrow.arrivedAtMs).toBeLessThan(21_000)
    expect(await Promise.all(wide.map(({ arrivedAtMs }) => arrivedAtMs)).then((ends) => Math.max(...ends))).toBeLessThan(22_500)
    line.stop()
  })

  test('holds nobody back twice for one that moves as much beside it as alone', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 100e6)
    const first = line.send(0, 1e12, 5e6)
    await clock.advance(3_000)
    const second = line.send(1, 1e12, 5e6)
    await clock.advance(30_000)
    expect([first.heldMs(), second.heldMs()]).toEqual([0, 0])
    line.stop()
  })

  test('holds nobody back for what is over within seconds', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 100e6)
    const sent: { heldMs: () => number }[] = []
    const host = async (name: string): Promise<void> => {
      for (let number = 0; number < 20; number += 1) {
        const next = line.send(number, 8e6, 5e6, { host: name })
        sent.push(next)
        await next.arrivedAtMs
      }
    }
    const all = Promise.all(['one', 'two'].map(host))
    await clock.advance(40_000)
    await all
    expect(sent.map(({ heldMs }) => heldMs()).filter((ms) => ms > 0)).toEqual([])
    line.stop()
  })

  test('lets everybody run for a moment now and then', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    line.send(0, 1e12)
    const last = line.send(1, 1e12)
    await clock.advance(15_000)
    const before = last.movedBytes()
    await clock.advance(60_000)
    expect(last.movedBytes() - before).toBeGreaterThan(4 * 4e6)
    line.stop()
  })

  test('is one each way', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const up = line.send(0, 1e12)
    const down = line.send(1, 1e12, Number.POSITIVE_INFINITY, { direction: 'from-host' })
    await clock.advance(30_000)
    expect([up.heldMs(), down.heldMs()]).toEqual([0, 0])
    line.stop()
  })

  test('is measured by nobody when one is left', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const sent = [line.send(0, 30e6), line.send(1, 50e6)]
    await clock.advance(20_000)
    await Promise.all(sent.map(({ arrivedAtMs }) => arrivedAtMs))
    line.stop()
    await clock.advance(1)
    expect(clock.sleeping()).toBe(0)
  })
})

describe('the way to one host', () => {
  const WIDE = Number.POSITIVE_INFINITY
  const ONE = { host: 'one' }

  test('brings one source after the other, so that the first is there as soon as if it came alone', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 5e6)
    const sent = [0, 0, 60_000, 60_000].map((neededAtMs) => line.send(neededAtMs, 8e6, WIDE, ONE))
    await clock.advance(10_000)
    const [first = 0, second = 0, third = 0, fourth = 0] = await Promise.all(sent.map(({ arrivedAtMs }) => arrivedAtMs))
    expect(first).toBeLessThan(1_800)
    expect(second).toBeLessThan(5_000)
    expect(third).toBeGreaterThan(second)
    expect(fourth).toBeLessThan(6_700)
    line.stop()
    expect(clock.sleeping()).toBe(0)
  })

  test('is for what a slot waits for, though something else was under way', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 5e6)
    const ahead = line.send(60_000, 1e9, WIDE, ONE)
    await clock.advance(1_000)
    const now = line.send(1_000, 20e6, WIDE, ONE)
    await clock.advance(9_000)
    expect(await now.arrivedAtMs).toBeLessThan(8_000)
    expect(ahead.movedBytes()).toBeGreaterThan(20e6)
    line.stop()
  })

  test('keeps a short source waiting for no long one, and a long one not for all short ones', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const long = line.send(0, 200e6, WIDE, ONE)
    let shortMs = 0
    const shorts: { readonly neededAtMs: number; readonly arrivedAtMs: Promise<number> }[] = []
    for (; shortMs < 60_000; shortMs += 1_000) {
      await clock.advance(1_000)
      shorts.push({ neededAtMs: clock.now(), arrivedAtMs: line.send(clock.now(), 8e6, WIDE, ONE).arrivedAtMs })
    }
    await clock.advance(60_000)
    const [first] = shorts
    expect((await first?.arrivedAtMs) ?? 0).toBeLessThan(4_500)
    // Alone it needs twenty seconds: it is made to wait by no more than as much again, and what was tried.
    expect(await long.arrivedAtMs).toBeLessThan(48_000)
    line.stop()
  })

  test('is for all of them where one alone does not fill it, which shows within seconds', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 100e6)
    const sent = Array.from({ length: 4 }, () => line.send(0, 100e6, 5e6, ONE))
    await clock.advance(40_000)
    for (const { arrivedAtMs } of sent) expect(await arrivedAtMs).toBeLessThan(31_000)
    line.stop()
  })

  test('is left to others at once by one that comes to a standstill', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const other = line.send(1, 1e9, WIDE, ONE)
    const urgent = line.send(0, 1e12, WIDE, ONE)
    await clock.advance(8_000)
    const before = other.movedBytes()
    urgent.slowTo(0)
    await clock.advance(8_000)
    expect(other.movedBytes() - before).toBeGreaterThan(15e6)
    line.stop()
  })

  test('is left to others by one that says that its reader is slow, and by none that waits for the line', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const urgent = line.send(0, 1e12, WIDE, ONE)
    const other = line.send(1, 1e12, WIDE, ONE)
    urgent.stall(false)
    await clock.advance(5_000)
    urgent.stall(true)
    await clock.advance(30_000)
    expect(other.movedBytes()).toBe(0)
    urgent.slowTo(3e6)
    await clock.advance(10_000)
    expect(other.movedBytes()).toBeGreaterThan(30e6)
    line.stop()
  })

  test('is left to others by one that is read slowly, however long it had it alone', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const read = line.send(0, 1e12, 3e6, { ...ONE, isRead: true })
    read.stall(true)
    await clock.advance(60_000)
    const other = line.send(60_000, 1e12, WIDE, ONE)
    await clock.advance(10_000)
    expect(other.movedBytes()).toBeGreaterThan(45e6)
    line.stop()
  })

  test('is left for a moment alone by one that is read as fast as it comes', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const read = line.send(0, 1e12, WIDE, { ...ONE, isRead: true })
    read.stall(true)
    const other = line.send(1, 1e12, WIDE, ONE)
    await clock.advance(30_000)
    expect(other.movedBytes()).toBeGreaterThan(0)
    expect(read.movedBytes()).toBeGreaterThan(270e6)
    line.stop()
  })

  test('takes part in the turns of a line as one: the other host is served first that needs it sooner', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const later = [1, 2, 3].map(() => line.send(60_000, 100e6, WIDE, ONE))
    const sooner = line.send(0, 100e6, WIDE, { host: 'two' })
    await clock.advance(60_000)
    expect(await sooner.arrivedAtMs).toBeLessThan(16_000)
    expect(await Promise.all(later.map(({ arrivedAtMs }) => arrivedAtMs)).then((ends) => Math.max(...ends))).toBeLessThan(41_000)
    line.stop()
  })
})
