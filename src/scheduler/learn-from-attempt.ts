/** What an attempt that did its job teaches of its host: how fast it encodes such jobs, and what its link carries. */

import type { LiveAttempt } from './attempt.ts'
import type { ScheduledJob } from './job-form.ts'
import type { LearnedSpeed, Speeds } from './speeds.ts'

/** A source that arrived at this share of what the link carries may have been limited by it. */
const LINK_BOUND_SHARE = 0.5
const CLEARLY_FASTER = 1.1

/** Gives the speed as it is by now; undefined where nothing was learned. */
export function learnFromAttempt<Job extends ScheduledJob>(
  { job, place, crossed, spent }: LiveAttempt<Job>,
  speeds: Pick<Speeds, 'get' | 'learn' | 'learnLink' | 'linkOf'>,
): LearnedSpeed | undefined {
  const { spec } = place.worker
  const { encodeSeconds, transferBytes = 0, transferSeconds = 0, linkBytes, arrivedBytes } = spent()
  // Others shared the link. What was told may count the wait for a slot as transfer.
  const share = crossed.seconds === 0 ? 1 : crossed.hadSeconds / crossed.seconds
  const alone = transferBytes / (Math.min(transferSeconds, crossed.seconds) * share)
  const linkBytesPerSecond = speeds.learnLink(spec, linkBytes === undefined ? alone : linkBytes / transferSeconds)
  if (arrivedBytes !== undefined && mayHaveWaited(arrivedBytes / encodeSeconds, speeds.linkOf(spec))) {
    // It is as fast as that, or faster.
    if (job.work / encodeSeconds <= (speeds.get(spec, job) ?? Number.POSITIVE_INFINITY) * CLEARLY_FASTER) return undefined
  }
  const workPerSecond = speeds.learn(spec, job, job.work / encodeSeconds)
  if (workPerSecond === undefined) return undefined
  const { cluster, name } = spec
  return { cluster, name, profile: job.profile, sizeClass: job.sizeClass, workPerSecond, linkBytesPerSecond }
}

/** The encoder, for its source. */
function mayHaveWaited(bytesPerSecond: number, linkBytesPerSecond: number): boolean {
  return linkBytesPerSecond === Number.POSITIVE_INFINITY || bytesPerSecond > linkBytesPerSecond * LINK_BOUND_SHARE
}
