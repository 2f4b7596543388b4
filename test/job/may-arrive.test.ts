import { expect, test } from 'vitest'
import { mayArrive } from '../../src/job/may-arrive.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const plan: JobPlan = createPlan('1', '/films/a.mp4')
const withInput = (...input: readonly string[]): JobPlan => ({ ...plan, arguments: { ...plan.arguments, input } })
const withOutput = (...output: readonly string[]): JobPlan => ({ ...plan, arguments: { ...plan.arguments, output } })

test('a film of a usual container may be encoded while it arrives', () => {
  expect(mayArrive(plan)).toBe(true)
  expect(mayArrive(withInput('-hwaccel', 'cuda', '-re'))).toBe(true)
})

test.for<[why: string, plan: JobPlan]>([
  ['has a container that names other files', { ...plan, source: { ...plan.source, container: 'hls' } }],
  ['has a container that nobody tried', { ...plan, source: { ...plan.source, container: 'rm' } }],
  ['has a length that nobody knows', { ...plan, source: { ...plan.source, durationSeconds: 0 } }],
  ['has covers, which are read on their own', { ...plan, covers: [{ streamIndex: 2, codec: 'mjpeg', attachment: 0 }] }],
  ['is read again, where a copied stream seems broken', { ...plan, profile: { ...plan.profile, verify: 'full' } }],
  ['is believed without a look', { ...plan, profile: { ...plan.profile, verify: 'off' } }],
  ['is read in a form that the profile says', withInput('-f', 'image2')],
  ['is read over and over', withInput('-stream_loop', '2')],
  ['is reached in ways that the profile says', withInput('-protocol_whitelist', 'file')],
  ['is read up to some place alone', withInput('-t', '60')],
  ['ends where the result does', withOutput('-c:v', 'libx265', '-shortest')],
  ['is read in two passes', withOutput('-c:v', 'libx265', '-pass', '1')],
])('a source that %s may not', ([, refused]) => {
  expect(mayArrive(refused)).toBe(false)
})
