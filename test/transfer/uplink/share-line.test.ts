import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../fixtures/fake-clock.ts'
import { shareLine } from './simulated-line.ts'

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
