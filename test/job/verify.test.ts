/**
 * What a source's own faults mean for its result, and what a look at it costs. Which results are believed stands in verify-honest-results.test.ts,
 * which are not in verify-lies.test.ts.
 */

import { stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verify } from '../../src/job/verify.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { AAC, ENCODED, type EncodeWorkshop, openEncodeWorkshop, QUICK_CLOCK, TOO_SHORT, X264 } from '../fixtures/encode-workshop.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { cutOff, spoilPackets } from '../fixtures/spoil-media.ts'

let workshop: EncodeWorkshop

beforeAll(async () => {
  workshop = await openEncodeWorkshop()
})

afterAll(() => workshop[Symbol.asyncDispose]())

describe('a fault of the source', () => {
  test('that a copied stream brings along is not the result’s', async () => {
    const film = await workshop.make('faulty.mkv', ['-c', 'copy'])
    await spoilPackets(film, 'a:0', 'start', 8)
    await spoilPackets(film, 'a:0', 'middle', 8)
    const output = [...X264, '-c:a', 'copy']
    const result = await workshop.make('of-faulty.mkv', output, film)
    expect((await workshop.judge('quick', result, { of: film, output })).reason).toBeUndefined()
    expect((await workshop.judge('full', result, { of: film, output })).reason).toBeUndefined()
    await spoilPackets(result, 'v:0', 'middle', 2)
    expect((await workshop.judge('full', result, { of: film, output })).reason).toMatch(/h264|NAL/)
  })

  test('is gone where the stream was encoded anew', async () => {
    const film = await workshop.make('damaged.mkv', ['-c', 'copy'])
    await spoilPackets(film, 'v:0', 'middle', 8)
    const output = [...X264, ...AAC]
    const result = await workshop.make('of-damaged.mkv', output, film)
    expect((await workshop.judge('quick', result, { of: film, output })).reason).toBeUndefined()
    expect((await workshop.judge('full', result, { of: film, output })).reason).toBeUndefined()
  })

  test('that it was cut off is told with the seconds that it lacks', async () => {
    const film = await workshop.make('cut.mkv', ['-c', 'copy'])
    await cutOff(film, 0.5)
    const output = [...X264, ...AAC]
    const result = await workshop.make('of-cut.mkv', output, film)
    const { reason, warnings } = await workshop.judge('quick', result, { of: film, output })
    expect(reason).toBeUndefined()
    expect(warnings).toEqual([
      expect.stringMatching(/cut\.mkv: its header promises 8\.\d s, but its data ends at [345]\.\d s: the last [345]\.\d s were not there/),
    ])
    await cutOff(result, 0.7)
    expect((await workshop.judge('quick', result, { of: film, output })).reason).toMatch(TOO_SHORT)
  })
})

test('one call of ffprobe is enough for a result that is whole', async () => {
  const ffprobe = createFfprobe('ffprobe')
  const result = await workshop.make('calls.mkv', [...X264, ...AAC])
  const calls: (readonly string[])[] = []
  const plan = createPlan('1', workshop.source, { source: await ffprobe.probe(workshop.source), arguments: ENCODED })
  const readMedia = (argv: readonly string[], signal?: AbortSignal) => {
    calls.push(argv)
    return ffprobe.read(argv, signal)
  }
  const { signal } = new AbortController()
  await verify({ plan, clock: QUICK_CLOCK, signal, readMedia, onWarning() {} }, result, (await stat(result)).size)
  expect(calls).toHaveLength(1)
})
