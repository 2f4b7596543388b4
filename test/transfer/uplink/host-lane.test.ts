import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../fixtures/fake-clock.ts'
import { shareLine } from './simulated-line.ts'

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

  test('is for what a slot waits for before what is shorter, and not waited for yet', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const soon = line.send(3_000, 1e6, WIDE, ONE)
    const now = line.send(0, 50e6, WIDE, ONE)
    // Who would tell of a slow reader is not put to the test.
    now.stall(false)
    await clock.advance(10_000)
    expect(await now.arrivedAtMs).toBeLessThan(5_300)
    expect(await soon.arrivedAtMs).toBeGreaterThan(await now.arrivedAtMs)
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

  test.each([
    ['not left to others by one that waits for the line, where it is known what that carries', 10e6, 10e6, 0],
    ['left to others by one that waits, where nobody knows for what', 10e6, undefined, 5e6],
    ['left to others by one that waits, where less moves than was known', 5e6, 10e6, 2e6],
  ])('is %s', async (_how, carriedBytesPerSecond, linkBytesPerSecond, leastBytes) => {
    const clock = createFakeClock()
    const line = shareLine(clock, carriedBytesPerSecond)
    const first = line.send(0, 1e12, WIDE, { ...ONE, linkBytesPerSecond })
    const other = line.send(1, 1e12, WIDE, { ...ONE, linkBytesPerSecond })
    first.stall(true)
    await clock.advance(1_900)
    if (leastBytes === 0) expect(other.movedBytes()).toBe(0)
    else expect(other.movedBytes()).toBeGreaterThan(leastBytes)
    line.stop()
  })

  test('is left to others within a second or two by one whose reader waits for one of them, though all of it was in use until then', async () => {
    const clock = createFakeClock()
    const line = shareLine(clock, 10e6)
    const first = line.send(0, 1e12, WIDE, { ...ONE, linkBytesPerSecond: 10e6, isRead: true })
    const other = line.send(1, 1e12, WIDE, { ...ONE, linkBytesPerSecond: 10e6, isRead: true })
    for (const { stall } of [first, other]) stall(false)
    await clock.advance(4_000)
    expect(other.movedBytes()).toBe(0)
    first.slowTo(0)
    first.stall(true)
    await clock.advance(2_000)
    expect(other.movedBytes()).toBeGreaterThan(5e6)
    line.stop()
    for (const { rest } of [first, other]) rest()
    expect(clock.sleeping()).toBe(0)
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
