/**
 * What a job asks of a host. A job may have several forms (the same intent for several encoders), best first; a host takes the first
 * that it can do.
 */

import type { LabelNeeds } from '../model/plan.ts'

export interface JobForm {
  /** For people. */
  readonly name: string
  /** Queues whose slots it may take; the first that the host has is the one. */
  readonly queues: readonly string[]
  /** What the host must have to do it, by the names that its traits know. */
  readonly needs: readonly string[]
  readonly labels: LabelNeeds
}

export interface ScheduledJob {
  readonly id: string
  readonly cluster: string
  readonly profile: string
  /** Best first, never empty. */
  readonly forms: readonly JobForm[]
  /** Work in units that are the same for all hosts; only ratios count. */
  readonly work: number
  /** Jobs whose pictures are about as large: a host's speed is learned for each class. */
  readonly sizeClass?: string | undefined
  /** What crosses the link of a host that does not see the media itself, there and back. */
  readonly transferBytes?: number | undefined
  /** What of it is the source's way there; undefined = two thirds. */
  readonly fetchBytes?: number | undefined
}

/** The share of the bytes that is the source's, where a job does not say it. */
const FETCH_SHARE = 2 / 3

export function toFetchBytes({ fetchBytes, transferBytes = 0 }: Pick<ScheduledJob, 'fetchBytes' | 'transferBytes'>): number {
  return fetchBytes ?? transferBytes * FETCH_SHARE
}
