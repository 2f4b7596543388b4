/**
 * How long something took, in the time of a machine that has nothing else to do. What a test promises of the program ("Ctrl-C ends it
 * within three seconds") is promised there: beside other tests everything waits for its turn on a processor, and takes as much longer as
 * there are others. How much that is, is what a computation of known length tells, before and after.
 */

/** Of computing: some turns on a processor, and little beside what is measured. */
const PROBE_US = 15_000

/** Starts it; it tells the milliseconds since. Not for time that is too short: waiting for a clock takes no longer in a crowd. */
export function startQuietClock(): () => number {
  const before = measureCrowd()
  const startedMs = performance.now()
  return () => {
    const tookMs = performance.now() - startedMs
    return tookMs / Math.max(before, measureCrowd())
  }
}

/** How many times longer computing takes than on a processor of its own. */
export function measureCrowd(): number {
  const startedMs = performance.now()
  const begun = process.cpuUsage()
  for (;;) {
    const { user, system } = process.cpuUsage(begun)
    const spentUs = user + system
    if (spentUs >= PROBE_US) return Math.max(1, ((performance.now() - startedMs) * 1000) / spentUs)
  }
}
