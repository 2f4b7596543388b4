import { expect, test } from 'vitest'
import type { EventFields } from '../../../src/model/events.ts'
import type { JobOutcome } from '../../../src/model/outcome.ts'
import { createOpenAttempts } from '../../../src/run/attempts/open-attempts.ts'

const LOST: JobOutcome = { kind: 'failed', reason: 'The host is gone', log: null, retry: 'lost' }

function createBench() {
  const told: unknown[] = []
  const states: string[] = []
  const abort = new AbortController()
  const attempts = createOpenAttempts(
    { setState: (job, state) => void states.push(`${job} ${state}`) },
    (event, fields) => void told.push({ event, ...(fields as EventFields['job.retry']) }),
    abort.signal,
  )
  const [first, second] = [
    { jobId: 'a', number: 1, host: 'slow' },
    { jobId: 'a', number: 2, host: 'quick' },
  ]
  attempts.begin(first)
  attempts.begin(second)
  return { attempts, told, states, abort, first, second }
}

test('one of two that comes to nothing is told of, and its job does not wait', () => {
  const { attempts, told, states, first, second } = createBench()
  attempts.end(second, LOST)
  expect(told).toEqual([{ event: 'job.retry', job: 'a', host: 'quick', reason: 'The host is gone', attempt: 2, running: true }])
  attempts.end(first, LOST)
  expect(told).toHaveLength(1)
  expect(states).toEqual([])
  attempts.putBack('a', 'slow', 'The host is gone')
  expect(told[1]).toEqual({ event: 'job.retry', job: 'a', host: 'slow', reason: 'The host is gone', attempt: 1 })
  expect(states).toEqual(['a queued'])
})

test('nothing is told of the one that was too late, nor of any when the run is ended', () => {
  const late = createBench()
  late.attempts.end(late.second, { kind: 'done', outputBytes: 1, seconds: 1 })
  late.attempts.forget('a')
  late.attempts.end(late.first, { kind: 'interrupted' })
  expect(late.told).toEqual([])
  const ended = createBench()
  ended.abort.abort()
  ended.attempts.end(ended.first, { kind: 'interrupted' })
  expect(ended.told).toEqual([])
})
