import { expect, test } from 'vitest'
import { createMistrust } from '../../src/scheduler/mistrust.ts'
import { createWorker } from '../../src/scheduler/worker.ts'
import { worker } from './scheduler-bench.ts'

const box = createWorker(worker('box', { _default: 1 }))

test('estimates are mistrusted until jobs have shown that they are right', () => {
  const mistrust = createMistrust()
  expect(mistrust.margin).toBeCloseTo(0.15)
  for (let job = 0; job < 200; job += 1) mistrust.note(box, 100, 100)
  expect(mistrust.margin).toBeLessThan(0.04)
})

test('estimates that are a fifth off are mistrusted on, worse ones no more than that', () => {
  const mistrust = createMistrust()
  for (let job = 0; job < 200; job += 1) mistrust.note(box, job % 2 === 0 ? 80 : 120, 100)
  expect(mistrust.margin).toBeCloseTo(0.15)
  for (let job = 0; job < 200; job += 1) mistrust.note(box, 1000, 100)
  expect(mistrust.margin).toBeCloseTo(0.15)
})

test('the first job of a host says how fast that is, not how wrong estimates are; nor does what has no estimate', () => {
  const mistrust = createMistrust()
  for (let job = 0; job < 200; job += 1) mistrust.note(box, 100, 100)
  const { margin } = mistrust
  mistrust.note(createWorker(worker('new', { _default: 1 })), 1000, 100)
  mistrust.note(box, 100, Number.NaN)
  expect(mistrust.margin).toBe(margin)
})
