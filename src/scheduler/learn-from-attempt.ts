/** What an attempt that did its job teaches of its host: how fast it encodes such jobs, and what its link carries. */

import type { LiveAttempt } from './attempt.ts'
import type { ScheduledJob } from './job-form.ts'
import type { Link } from './link.ts'
import type { LearnedSpeed, Speeds, Spent } from './speeds.ts'

/** A source that arrived at this share of what the link carries may have been limited by it. */
const LINK_BOUND_SHARE = 0.5
const CLEARLY_FASTER = 1.1

/** Gives the speed as it is by now; undefined where nothing was learned. */
export function learnFromAttempt<Job extends ScheduledJob>(
  { job, place, crossed, spent }: LiveAttempt<Job>,
  speeds: Pick<Speeds, 'get' | 'learn' | 'learnLink' | 'learnBothRatio' | 'linkOf'>,
): LearnedSpeed | undefined {
  const { spec } = place.worker
  const told = spent()
  const { encodeSeconds, arrivedBytes } = told
  const linkBothRatio = told.linkBothRatio === undefined ? undefined : speeds.learnBothRatio(spec, told.linkBothRatio)
  const linkBytesPerSecond = speeds.learnLink(spec, toAlone(told, crossed, speeds.linkOf(spec)))
  if (arrivedBytes !== undefined && mayHaveWaited(arrivedBytes / encodeSeconds, speeds.linkOf(spec))) {
    // It is as fast as that, or faster.
    if (job.work / encodeSeconds <= (speeds.get(spec, job) ?? Number.POSITIVE_INFINITY) * CLEARLY_FASTER) return undefined
  }
  const workPerSecond = speeds.learn(spec, job, job.work / encodeSeconds)
  if (workPerSecond === undefined) return undefined
  const { cluster, name } = spec
  return { cluster, name, profile: job.profile, sizeClass: job.sizeClass, workPerSecond, linkBytesPerSecond, linkBothRatio }
}

/** What the way would have carried that its bytes went, had it been the only one in use all the time. */
function toAlone(
  { transferSeconds = 0, linkBytes = 0 }: Spent,
  crossed: LiveAttempt<ScheduledJob>['crossed'],
  { bothRatio }: Link,
): number {
  const bothShare = crossed.seconds === 0 ? 0 : crossed.bothSeconds / crossed.seconds
  return linkBytes / (transferSeconds * (1 - bothShare * (1 - bothRatio)))
}

/** The encoder, for its source. */
function mayHaveWaited(bytesPerSecond: number, link: Link): boolean {
  return link.bytesPerSecond === Number.POSITIVE_INFINITY || bytesPerSecond > link.bytesPerSecond * LINK_BOUND_SHARE
}
