/**
 * How much of the run's work is done, and when the rest will be: each job weighs what its source is long (else big, else 1),
 * so that one film counts for more than ten trailers.
 */

export interface WorkSize {
  /** Undefined where nobody knows. */
  readonly bytes: number | undefined
  readonly seconds: number | undefined
}

export interface WorkMeter {
  add(size: WorkSize): void
  /** The job is whole. */
  finish(size: WorkSize): void
  /** The job will not be done (skipped, failed): its work leaves the sum. */
  remove(size: WorkSize): void
  /**
   * The part of all work that is done, 0 to 1.
   * @param running the jobs under way, each with the part that is done.
   */
  measure(running: Iterable<{ readonly size: WorkSize; readonly ratio: number }>): number
}

interface Sums {
  count: number
  bytes: number
  seconds: number
}

export function createWorkMeter(): WorkMeter {
  const all = createSums()
  const done = createSums()
  let withoutBytes = 0
  let withoutSeconds = 0

  /** Seconds of media tell encoding time best; one unit must hold for all jobs. */
  function toWeight(): (sums: Sums) => number {
    if (withoutSeconds === 0 && all.seconds > 0) return (sums) => sums.seconds
    if (withoutBytes === 0 && all.bytes > 0) return (sums) => sums.bytes
    return (sums) => sums.count
  }

  function countUnknown(size: WorkSize, step: 1 | -1): void {
    if (size.bytes === undefined) withoutBytes += step
    if (size.seconds === undefined) withoutSeconds += step
  }

  return {
    add(size) {
      addTo(all, size, 1)
      countUnknown(size, 1)
    },
    finish(size) {
      addTo(done, size, 1)
    },
    remove(size) {
      addTo(all, size, -1)
      countUnknown(size, -1)
    },
    measure(running) {
      const weigh = toWeight()
      const partly = createSums()
      for (const { size, ratio } of running) addTo(partly, size, Math.min(1, Math.max(0, ratio)))
      const total = weigh(all)
      return total <= 0 ? 0 : Math.min(1, Math.max(0, (weigh(done) + weigh(partly)) / total))
    },
  }
}

function createSums(): Sums {
  return { count: 0, bytes: 0, seconds: 0 }
}

function addTo(sums: Sums, size: WorkSize, factor: number): void {
  sums.count += factor
  sums.bytes += (size.bytes ?? 0) * factor
  sums.seconds += (size.seconds ?? 0) * factor
}
