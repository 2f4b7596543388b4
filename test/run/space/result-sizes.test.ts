import { describe, expect, test } from 'vitest'
import type { FinishedSize } from '../../../src/ledger/finished-jobs.ts'
import { createResultSizes } from '../../../src/run/space/result-sizes.ts'
import { createPlan } from '../../fixtures/job-plan.ts'

const FILM_BYTES = 1_000_000

describe('the size of a result is expected to be', () => {
  test('that of its source where its profile was never used', () => {
    expect(createResultSizes(() => []).expect(film())).toBe(FILM_BYTES)
  })

  test('the worst of what its profile made of others, and a tenth more', () => {
    const sizes = createResultSizes(() => [size(1, 0.3), size(2, 0.5), size(1, 0.4)])
    expect(sizes.expect(film())).toBe(550_000)
  })

  test('untouched by clips that are far smaller, where a container outweighs its pictures', () => {
    const sizes = createResultSizes(() => [size(0.01, 12), size(1, 0.5)])
    expect(sizes.expect(film())).toBe(550_000)
  })

  test('no larger than the source where a threshold throws such results away', () => {
    const growing = createResultSizes(() => [size(1, 3)])
    expect(growing.expect(film())).toBeCloseTo(3_300_000, -2)
    expect(growing.expect(film(20))).toBe(FILM_BYTES)
  })

  test('what this run learns, until twenty newer jobs say otherwise', () => {
    const sizes = createResultSizes(() => [size(1, 2)])
    for (let job = 1; job < 20; job += 1) sizes.learn('hevc', size(1, 0.5))
    expect(sizes.expect(film())).toBe(2_200_000)
    sizes.learn('hevc', size(1, 0.5))
    expect(sizes.expect(film())).toBe(550_000)
  })
})

function size(films: number, ratio: number): FinishedSize {
  return { sourceBytes: films * FILM_BYTES, resultBytes: films * FILM_BYTES * ratio }
}

function film(threshold = 0) {
  const plan = createPlan('1', '/films/a.mp4')
  return { ...plan, source: { ...plan.source, sizeBytes: FILM_BYTES }, profile: { ...plan.profile, name: 'hevc', threshold } }
}
