import { expect, test } from 'vitest'
import type { LiveAttempt } from '../../src/scheduler/attempt.ts'
import type { ScheduledJob } from '../../src/scheduler/job-form.ts'
import { learnFromAttempt } from '../../src/scheduler/learn-from-attempt.ts'
import { createSpeeds, type Spent } from '../../src/scheduler/speeds.ts'
import { createWorker } from '../../src/scheduler/worker.ts'

const spec = { cluster: 'home', name: 'attic', queues: undefined, profiles: undefined }
const job: ScheduledJob = { id: '1', cluster: 'home', profile: 'hevc', forms: [], work: 1000 }

function attemptThatSpent(spent: Spent, crossed = { seconds: 0, bothSeconds: 0 }): LiveAttempt<ScheduledJob> {
  const place = { worker: createWorker(spec) }
  return { job, place, crossed, spent: () => spent } as unknown as LiveAttempt<ScheduledJob>
}

test('an encode that may have waited for its source teaches no speed, one that left the link idle does', () => {
  const speeds = createSpeeds()
  const arrived = { encodeSeconds: 100, arrivedBytes: 100e6 }
  expect(learnFromAttempt(attemptThatSpent(arrived), speeds)).toBeUndefined()
  speeds.seedLink({ ...spec, bytesPerSecond: 1.2e6 })
  expect(learnFromAttempt(attemptThatSpent(arrived), speeds)).toBeUndefined()
  expect(speeds.knows(spec, job)).toBe(false)

  const behindQuickLink = createSpeeds()
  behindQuickLink.seedLink({ ...spec, bytesPerSecond: 100e6 })
  expect(learnFromAttempt(attemptThatSpent(arrived), behindQuickLink)).toMatchObject({ workPerSecond: 10 })
})

test('an encode that was quicker than was known is believed, whatever it waited for', () => {
  const speeds = createSpeeds()
  speeds.seed({ ...spec, profile: 'hevc', workPerSecond: 5 })
  expect(learnFromAttempt(attemptThatSpent({ encodeSeconds: 190, arrivedBytes: 100e6 }), speeds)).toBeUndefined()
  expect(learnFromAttempt(attemptThatSpent({ encodeSeconds: 50, arrivedBytes: 100e6 }), speeds)).toMatchObject({ workPerSecond: 11 })
})

test('a link is as fast as it is alone, whatever of that the other way took', () => {
  const crossed = { seconds: 10, bothSeconds: 5 }
  const spent = { encodeSeconds: 100, transferSeconds: 10, linkBytes: 75e6 }
  const cable = createSpeeds()
  expect(learnFromAttempt(attemptThatSpent(spent, crossed), cable)).toMatchObject({ linkBytesPerSecond: 7.5e6, linkBothRatio: undefined })
  const radio = createSpeeds()
  expect(learnFromAttempt(attemptThatSpent({ ...spent, linkBothRatio: 0.5 }, crossed), radio)).toMatchObject({ linkBytesPerSecond: 10e6 })
  expect(radio.linkOf(spec)).toEqual({ bytesPerSecond: 10e6, bothRatio: 0.5 })
})
