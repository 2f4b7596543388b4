/**
 * What is under way, by job and attempt. A job has one attempt at a time but near the end of a run, when it may be started a second time
 * elsewhere; events that name no attempt mean the latest.
 */

export interface AttemptMap<Value> {
  set(job: string, attempt: number, value: Value): void
  get(job: string, attempt?: number): Value | undefined
  /** In the order they were set; without `attempt`, all of the job. */
  take(job: string, attempt?: number): readonly Value[]
  /** The attempts of each job. */
  jobs(): Iterable<readonly [job: string, attempts: readonly Value[]]>
  readonly jobCount: number
}

export function createAttemptMap<Value>(): AttemptMap<Value> {
  const jobs = new Map<string, ReadonlyMap<number, Value>>()
  return {
    set(job, attempt, value) {
      jobs.set(job, new Map([...(jobs.get(job) ?? []), [attempt, value]]))
    },
    get(job, attempt) {
      const attempts = jobs.get(job)
      return attempt === undefined ? [...(attempts?.values() ?? [])].at(-1) : attempts?.get(attempt)
    },
    take(job, attempt) {
      const all = [...(jobs.get(job) ?? [])]
      const taken = all.filter(([number]) => attempt === undefined || number === attempt)
      const left = all.filter(([number]) => attempt !== undefined && number !== attempt)
      if (left.length === 0) jobs.delete(job)
      else jobs.set(job, new Map(left))
      return taken.map(([, value]) => value)
    },
    *jobs() {
      for (const [job, attempts] of jobs) yield [job, [...attempts.values()]]
    },
    get jobCount() {
      return jobs.size
    },
  }
}
