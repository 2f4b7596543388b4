/** A scheduler whose jobs end when the test says so, and the jobs and hosts for it. */

import type { JobOutcome } from '../../src/model/outcome.ts'
import type { JobForm, ScheduledJob } from '../../src/scheduler/job-form.ts'
import { createScheduler } from '../../src/scheduler/scheduler.ts'
import type { SchedulerOptions } from '../../src/scheduler/scheduler-options.ts'
import type { WorkerSpec } from '../../src/scheduler/worker.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'

export const DONE: JobOutcome = { kind: 'done', outputBytes: 1, seconds: 1 }

export function job(id: string): ScheduledJob {
  return { id, cluster: 'home', profile: 'hevc', forms: [form({})], work: 100 }
}

export function form(fields: Partial<JobForm>): JobForm {
  return { name: 'hevc', queues: ['_default'], needs: [], labels: { require: [], any: [], prefer: [] }, ...fields }
}

export function jobs(count: number): readonly ScheduledJob[] {
  return Array.from({ length: count }, (_, index) => job(String(index + 1)))
}

export function worker(name: string, queues: Record<string, number>): WorkerSpec {
  return { cluster: 'home', name, queues, profiles: undefined }
}

export function failed(retry: (JobOutcome & { kind: 'failed' })['retry'], reason: string): JobOutcome {
  return { kind: 'failed', reason, log: null, retry }
}

/** A scheduler whose jobs end when the test says so. */
export function createBench(options: Partial<SchedulerOptions<ScheduledJob>>) {
  const abort = new AbortController()
  const clock = createFakeClock()
  const underWay: { readonly worker: string; readonly job: string; readonly end: (outcome: JobOutcome) => void }[] = []
  const peak: Record<string, number> = {}
  const settled: (readonly [string, string, string])[] = []
  const lost: string[] = []
  /** Every start: job, host, form. */
  const forms: string[] = []
  const retried: string[] = []
  /** Hosts set aside and taken back. */
  const aside: string[] = []
  const lowered: (readonly [string, string, number])[] = []
  const running = () => {
    const counts: Record<string, number> = {}
    for (const { worker } of underWay) counts[worker] = (counts[worker] ?? 0) + 1
    return counts
  }
  const scheduler = createScheduler<ScheduledJob>({
    strategy: 'fastest',
    clock,
    signal: abort.signal,
    runJob: (started, spec, { form: chosen, lease }) =>
      new Promise((end) => {
        // Without jobs ahead the slot is there.
        void lease.take()
        underWay.push({ worker: spec.name, job: started.id, end })
        forms.push(`${started.id} ${spec.name} ${chosen.name}`)
        peak[spec.name] = Math.max(peak[spec.name] ?? 0, running()[spec.name] ?? 0)
      }),
    onRetry: (retriedJob, spec, reason) => retried.push(`${retriedJob.id} ${spec.name} ${reason}`),
    onSettled: (ended, outcome) => settled.push([ended.id, outcome.kind, 'reason' in outcome ? outcome.reason : '']),
    onLost: (spec) => lost.push(spec.name),
    probe: async () => undefined,
    onSetAside: (spec, { failures, reason, forMs }) => aside.push(`${spec.name} down ${forMs / 60_000} min: ${failures} failed, ${reason}`),
    onTakenBack: (spec) => aside.push(`${spec.name} up`),
    onLowered: (spec, queue, slots) => lowered.push([spec.name, queue, slots]),
    ...options,
  })
  async function finish(name: string, outcome: JobOutcome): Promise<void> {
    await end(
      underWay.findIndex(({ worker }) => worker === name),
      outcome,
    )
  }
  async function end(index: number, outcome: JobOutcome): Promise<void> {
    const [ended] = underWay.splice(index, 1)
    ended?.end(outcome)
    await Promise.resolve()
    await Promise.resolve()
  }
  return {
    scheduler,
    abort,
    clock,
    peak,
    settled,
    lost,
    forms,
    retried,
    lowered,
    aside,
    running,
    finish,
    /** The job that `finish` would end. */
    nextOf: (name: string) => underWay.find(({ worker }) => worker === name)?.job,
    finishLast: (name: string, outcome: JobOutcome) =>
      end(
        underWay.findLastIndex(({ worker }) => worker === name),
        outcome,
      ),
    up(...specs: readonly WorkerSpec[]) {
      for (const spec of specs) scheduler.expectWorker(spec)
      for (const spec of specs) scheduler.setWorker(spec, 'up')
    },
    add: (...added: readonly ScheduledJob[]) => scheduler.add(added),
    async finishAll(outcome: JobOutcome) {
      scheduler.seal()
      while (underWay.length > 0) await finish(underWay[0]?.worker ?? '', outcome)
      await scheduler.drained
    },
  }
}
