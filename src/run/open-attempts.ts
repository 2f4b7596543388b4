/**
 * Attempts under way, of which a job may have two. An attempt that comes to nothing while the other goes on is told of as such: its job
 * does not wait.
 */

export interface OpenAttempts {
  begin(jobId: string, attempt: number): void
  /** True while the job has another attempt under way. */
  end(jobId: string, attempt: number, host: string): boolean
  /** The number of the job's attempt that ended last on a host. */
  last(jobId: string, host: string): number | undefined
  /** The job is over; whatever attempt at it may still be ending is nobody's business. */
  forget(jobId: string): void
}

export function createOpenAttempts(): OpenAttempts {
  const jobs = new Map<string, { readonly open: Set<number>; readonly last: Map<string, number> }>()
  return {
    begin(jobId, attempt) {
      const job = jobs.get(jobId) ?? { open: new Set(), last: new Map() }
      jobs.set(jobId, job)
      job.open.add(attempt)
    },
    end(jobId, attempt, host) {
      const job = jobs.get(jobId)
      if (job === undefined) return false
      job.open.delete(attempt)
      job.last.set(host, attempt)
      return job.open.size > 0
    },
    last: (jobId, host) => jobs.get(jobId)?.last.get(host),
    forget(jobId) {
      jobs.delete(jobId)
    },
  }
}
