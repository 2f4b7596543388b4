import { expect, test } from 'vitest'
import { ARRIVES_FROM_BYTES, mayArrive } from '../../src/job/may-arrive.ts'
import type { JobPlan } from '../../src/model/plan.ts'
import { createPlan } from '../fixtures/job-plan.ts'

const plan = createPlan('1', '/films/a.mp4')
const large: JobPlan = { ...plan, source: { ...plan.source, sizeBytes: ARRIVES_FROM_BYTES } }
const withInput = (...input: readonly string[]): JobPlan => ({ ...large, arguments: { ...large.arguments, input } })
const withOutput = (...output: readonly string[]): JobPlan => ({ ...large, arguments: { ...large.arguments, output } })

test('a film of a usual container may be encoded while it arrives', () => {
  expect(mayArrive(large)).toBe(true)
  expect(mayArrive(withInput('-hwaccel', 'cuda', '-re'))).toBe(true)
})

test.for<[why: string, plan: JobPlan]>([
  ['is small', plan],
  ['has a container that names other files', { ...large, source: { ...large.source, container: 'hls' } }],
  ['has a container that nobody tried', { ...large, source: { ...large.source, container: 'rm' } }],
  ['has a length that nobody knows', { ...large, source: { ...large.source, durationSeconds: 0 } }],
  ['has covers, which are read on their own', { ...large, covers: [{ streamIndex: 2, codec: 'mjpeg', attachment: 0 }] }],
  ['is read again, where a copied stream seems broken', { ...large, profile: { ...large.profile, verify: 'full' } }],
  ['is believed without a look', { ...large, profile: { ...large.profile, verify: 'off' } }],
  ['is read in a form that the profile says', withInput('-f', 'image2')],
  ['is read over and over', withInput('-stream_loop', '2')],
  ['is reached in ways that the profile says', withInput('-protocol_whitelist', 'file')],
  ['is read up to some place alone', withInput('-t', '60')],
  ['ends where the result does', withOutput('-c:v', 'libx265', '-shortest')],
  ['is read in two passes', withOutput('-c:v', 'libx265', '-pass', '1')],
])('a source that %s may not', ([, refused]) => {
  expect(mayArrive(refused)).toBe(false)
})
