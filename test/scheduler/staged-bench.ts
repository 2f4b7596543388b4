/** A scheduler whose attempts go from stage to stage when the test says so, and end when they are withdrawn. */

import type { JobOutcome } from '../../src/model/outcome.ts'
import type { Attempt } from '../../src/scheduler/attempt.ts'
import type { ScheduledJob } from '../../src/scheduler/job-form.ts'
import { createScheduler } from '../../src/scheduler/scheduler.ts'
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts'
import type { WorkerSpec } from '../../src/scheduler/worker.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'
import { DONE } from './scheduler-bench.ts'

export interface StagedAttempt {
  readonly job: string
  readonly worker: string
  readonly attempt: Attempt
  stage: 'coming' | 'waiting' | 'encoding' | 'leaving'
  readonly end: (outcome: JobOutcome) => void
}

export function createStagedBench(options: Partial<SchedulerOptions<ScheduledJob>>) {
  const clock = createFakeClock()
  const abort = new AbortController()
  const live: StagedAttempt[] = []
  const settled: string[] = []
  const withdrawn: string[] = []
  const retried: string[] = []
  let peakEncoding = 0
  const countEncoding = () => live.filter(({ stage }) => stage === 'encoding').length

  const scheduler = createScheduler<ScheduledJob>({
    strategy: 'fastest',
    clock,
    signal: abort.signal,
    runJob: (job, { name }, attempt) =>
      new Promise((resolve) => {
        const staged: StagedAttempt = {
          ...{ job: job.id, worker: name, attempt, stage: 'coming' },
          end(outcome) {
            live.splice(live.indexOf(staged), 1)
            resolve(outcome)
          },
        }
        live.push(staged)
        attempt.lease.withdrawn.addEventListener('abort', () => staged.end({ kind: 'interrupted' }))
      }),
    onRetry: (job, { name }, reason) => retried.push(`${job.id} ${name} ${reason}`),
    onWithdrawn: (job, { name }, reason) => withdrawn.push(`${job.id} ${name} ${reason}`),
    onSettled: (job, { kind }) => settled.push(`${job.id} ${kind}`),
    onLost: () => {},
    onLowered: () => {},
    probe: async () => undefined,
    onSetAside: () => {},
    onTakenBack: () => {},
    ...options,
  })

  function find(job: string, worker?: string): StagedAttempt {
    const found = live.find((staged) => staged.job === job && (worker === undefined || staged.worker === worker))
    if (found === undefined) throw new Error(`Job "${job}" is not under way`)
    return found
  }

  async function settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Its source has come. */
  async function arriveAt(staged: StagedAttempt): Promise<void> {
    staged.stage = 'waiting'
    staged.attempt.lease.take().then(
      () => {
        staged.stage = 'encoding'
        peakEncoding = Math.max(peakEncoding, countEncoding())
      },
      () => {
        if (live.includes(staged)) staged.end({ kind: 'interrupted' })
      },
    )
    await settle()
  }

  async function releaseOf(staged: StagedAttempt): Promise<void> {
    staged.stage = 'leaving'
    staged.attempt.lease.release()
    await settle()
  }

  /** As a run does it: what is done has claimed its result. */
  async function endOf(staged: StagedAttempt, outcome: JobOutcome): Promise<void> {
    if (outcome.kind !== 'done' || staged.attempt.lease.claimResult()) staged.end(outcome)
    else if (live.includes(staged)) staged.end({ kind: 'interrupted' })
    await settle()
  }

  return {
    ...{ scheduler, clock, abort, live, settled, withdrawn, retried, settle, arriveAt, releaseOf, endOf },
    up(...specs: readonly WorkerSpec[]) {
      for (const spec of specs) scheduler.expectWorker(spec)
      for (const spec of specs) scheduler.setWorker(spec, 'up')
    },
    add: (...jobs: readonly ScheduledJob[]) => scheduler.add(jobs),
    stages: () => live.map(({ job, worker, stage, attempt }) => `${job} ${worker} ${stage}${attempt.isCopy ? ' (copy)' : ''}`),
    numbers: () => live.map(({ attempt }) => attempt.number),
    peakEncoding: () => peakEncoding,
    arrive: (job: string, worker?: string) => arriveAt(find(job, worker)),
    release: (job: string, worker?: string) => releaseOf(find(job, worker)),
    claim(job: string, worker: string): boolean {
      const staged = live.find((one) => one.job === job && one.worker === worker)
      return staged?.attempt.lease.claimResult() === true
    },
    end: (job: string, outcome: JobOutcome, worker?: string) => endOf(find(job, worker), outcome),
    /** All that is left is done. */
    async endAll() {
      scheduler.seal()
      for (let [first] = live; first !== undefined; [first] = live) {
        if (first.stage === 'coming') await arriveAt(first)
        const ready = live.find(({ stage }) => stage === 'encoding' || stage === 'leaving')
        if (ready !== undefined) await endOf(ready, DONE)
      }
      await scheduler.drained
    },
  }
}
