/**
 * Attempts under way, of which a job may have two, and what is told and written down of those that come to nothing: the job waits again,
 * or its other attempt goes on.
 */

import type { Ledger } from '../../ledger/ledger.ts'
import type { Emit } from '../../model/events.ts'
import type { JobOutcome } from '../../model/outcome.ts'

export interface OpenAttempt {
  readonly jobId: string
  readonly number: number
  readonly host: string
}

export interface OpenAttempts {
  begin(attempt: OpenAttempt): void
  end(attempt: OpenAttempt, outcome: JobOutcome): void
  /** After the last attempt at the job has ended on this host. */
  putBack(jobId: string, host: string, reason: string): void
  /** The job is over; whatever attempt at it may still be ending is nobody's business. */
  forget(jobId: string): void
}

interface Attempts {
  readonly open: Set<number>
  /** The number of the last that ended, by host. */
  readonly last: Map<string, number>
}

/** @param signal aborted when nothing goes on. */
export function createOpenAttempts(ledger: Pick<Ledger, 'setState'>, emit: Emit, signal: AbortSignal): OpenAttempts {
  const jobs = new Map<string, Attempts>()
  return {
    begin({ jobId, number }) {
      const job = jobs.get(jobId) ?? { open: new Set(), last: new Map() }
      jobs.set(jobId, job)
      job.open.add(number)
    },
    end({ jobId, number, host }, outcome) {
      const job = jobs.get(jobId)
      if (job === undefined) return
      job.open.delete(number)
      job.last.set(host, number)
      if (job.open.size === 0 || signal.aborted || outcome.kind === 'done' || outcome.kind === 'skipped') return
      const reason = outcome.kind === 'failed' ? outcome.reason : 'Another attempt at it goes on'
      emit('job.retry', { job: jobId, host, reason, attempt: number, running: true })
    },
    putBack(jobId, host, reason) {
      const attempt = jobs.get(jobId)?.last.get(host)
      ledger.setState(jobId, 'queued', { reason })
      emit('job.retry', { job: jobId, host, reason, ...(attempt === undefined ? {} : { attempt }) })
    },
    forget(jobId) {
      jobs.delete(jobId)
    },
  }
}
