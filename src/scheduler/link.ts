/**
 * What a host's link carries, and how long bytes take on it. Pure.
 *
 * A cable carries as much each way, whatever goes the other way; a radio, or a machine that is busy with its cipher, shares what it has among
 * the two. Where nobody knows, it is a cable.
 */

import { type ScheduledJob, toFetchBytes } from './job-form.ts'

export interface Link {
  /** That all jobs of the host have together, one way; Infinity where nothing is known. */
  readonly bytesPerSecond: number
  /** What each way has of that while both are in use: 1 = all of it, 0.5 = half. */
  readonly bothRatio: number
}

type Moved = Pick<ScheduledJob, 'fetchBytes' | 'transferBytes'>

export const CABLE_RATIO = 1
export const SHARED_RATIO = 0.5

export const UNKNOWN_LINK: Link = { bytesPerSecond: Number.POSITIVE_INFINITY, bothRatio: CABLE_RATIO }

/** Of the source, on a link that it has for itself. */
export function toFetchSeconds(job: Moved, { bytesPerSecond }: Link): number {
  return toFetchBytes(job) / bytesPerSecond
}

/** Of the result, on a link that it has for itself. */
export function toReturnSeconds(job: Moved, { bytesPerSecond }: Link): number {
  return ((job.transferBytes ?? 0) - toFetchBytes(job)) / bytesPerSecond
}

/** How long a link is busy that has so much to carry each way, told in seconds of a way that is alone. */
export function toBusySeconds(thereSeconds: number, backSeconds: number, { bothRatio }: Pick<Link, 'bothRatio'>): number {
  // While both are in use, what one way has done costs the other so much of its time.
  const cost = 1 / bothRatio - 1
  return Math.max(thereSeconds, backSeconds) + Math.min(thereSeconds, backSeconds) * cost
}
