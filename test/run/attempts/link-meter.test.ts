import { describe, expect, test } from 'vitest'
import { createLinkMeter, type LinkWay } from '../../../src/run/attempts/link-meter.ts'

const STEP_MS = 5

/** A link that carries so much one way alone, in bytes a second. */
function createLink() {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  const meter = createLinkMeter(clock)
  return {
    meter,
    /** Rates of each way; `paced`: ways that wait for an encoder. */
    run(seconds: number, rates: Partial<Record<LinkWay, number>>, paced: readonly LinkWay[] = []) {
      for (let step = 0; step < (seconds * 1000) / STEP_MS; step += 1) {
        clock.nowMs += STEP_MS
        for (const way of ['fetch', 'return'] as const) meter.count(way, ((rates[way] ?? 0) * STEP_MS) / 1000, paced.includes(way))
      }
    },
  }
}

describe('what each way of a link has while both are in use', () => {
  test('is all of it on a cable, and half where the ways share it', () => {
    const cable = createLink()
    cable.run(3, { fetch: 100 })
    cable.run(3, { fetch: 100, return: 100 })
    expect(cable.meter.bothRatio).toBeCloseTo(1)
    const radio = createLink()
    radio.run(3, { fetch: 100 })
    radio.run(3, { fetch: 50, return: 50 })
    expect(radio.meter.bothRatio).toBeCloseTo(0.5)
  })

  test('is told by the way that the link holds up, however little an encoder sends the other way', () => {
    const cable = createLink()
    cable.run(3, { fetch: 100 })
    cable.run(3, { fetch: 100, return: 40 }, ['return'])
    expect(cable.meter.bothRatio).toBeCloseTo(1)
    const radio = createLink()
    radio.run(3, { fetch: 100 })
    radio.run(3, { fetch: 60, return: 40 }, ['return'])
    expect(radio.meter.bothRatio).toBeCloseTo(0.5)
  })

  test('is nobody knows what where encoders hold up both, or next to nothing goes back', () => {
    const { meter, run } = createLink()
    run(3, { fetch: 100 })
    run(3, { fetch: 40, return: 40 }, ['fetch', 'return'])
    run(3, { fetch: 60, return: 5 })
    expect(meter.bothRatio).toBeUndefined()
  })

  test('is not known before a way was seen alone', () => {
    const { meter, run } = createLink()
    run(5, { fetch: 50, return: 50 })
    expect(meter.bothRatio).toBeUndefined()
  })

  test('is found where one way carries ten times as much as the other', () => {
    const { meter, run } = createLink()
    run(3, { fetch: 10 })
    run(3, { return: 100 })
    run(3, { fetch: 10, return: 100 })
    expect(meter.bothRatio).toBeCloseTo(1)
  })
})
