/** What an attempt that did its job teaches of its host: how fast it encodes such jobs, and what its link carries. */

import type { LiveAttempt } from './attempts.ts'
import type { ScheduledJob } from './job-form.ts'
import type { LearnedSpeed, Speeds } from './speeds.ts'

/** Gives the speed as it is by now; undefined where nothing was learned. */
export function learnFromAttempt<Job extends ScheduledJob>(
  { job, place, crossed, spent }: LiveAttempt<Job>,
  speeds: Pick<Speeds, 'learn' | 'learnLink'>,
): LearnedSpeed | undefined {
  const { spec } = place.worker
  const { encodeSeconds, transferBytes = 0, transferSeconds = 0, linkBytes } = spent()
  // Others shared the link. What was told may count the wait for a slot as transfer.
  const share = crossed.seconds === 0 ? 1 : crossed.shareSeconds / crossed.seconds
  const alone = transferBytes / (Math.min(transferSeconds, crossed.seconds) * share)
  const linkBytesPerSecond = speeds.learnLink(spec, linkBytes === undefined ? alone : linkBytes / transferSeconds)
  const workPerSecond = speeds.learn(spec, job, job.work / encodeSeconds)
  if (workPerSecond === undefined) return undefined
  const { cluster, name } = spec
  return { cluster, name, profile: job.profile, sizeClass: job.sizeClass, workPerSecond, linkBytesPerSecond }
}
