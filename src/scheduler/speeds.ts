/**
 * How long a job will take on a host. Encoding: work units a second, per host, profile and size class, the newest job counting most.
 * Moving its bytes: bytes a second of the host's link, where the job told how long that took.
 *
 * Of a host that has not done such a job its other speeds tell how it compares; without these, how fast its encoder was when it was
 * tried; without that it counts as the mean of all. A trial has a picture and options of its own, so that it tells the ratio between
 * hosts: what it is worth is found from those that have done such jobs.
 */

import type { ScheduledJob } from './job-form.ts'
import { CABLE_RATIO, type Link, SHARED_RATIO, UNKNOWN_LINK } from './link.ts'

export type Paced = Pick<ScheduledJob, 'profile' | 'sizeClass'>

export interface HostName {
  readonly cluster: string
  readonly name: string
}

/** Media travels to it, or it sees them itself. */
export type PacedHost = HostName & { readonly isStreaming?: boolean | undefined }

/** What may be remembered from one run to the next. */
export type KnownSpeed = HostName & Paced & { readonly workPerSecond: number }

/** How fast a host was when the encoder was tried that it has for a profile. */
export type TriedSpeed = HostName & Pick<Paced, 'profile'> & { readonly workPerSecond: number }

export type KnownLink = HostName & Pick<Link, 'bytesPerSecond'> & { readonly bothRatio?: number | undefined }

/** What one job taught; the link where it told how long its bytes took. */
export type LearnedSpeed = KnownSpeed & { readonly linkBytesPerSecond: number | undefined; readonly linkBothRatio: number | undefined }

/** Where the time of one attempt went. */
export interface Spent {
  readonly encodeSeconds: number
  /** Of the source, while it was encoded: then the link may have been what took so long. */
  readonly arrivedBytes?: number
  readonly transferSeconds?: number
  /** What all jobs of the host have moved the same way in that time. */
  readonly linkBytes?: number
  /** What each way of the host's link was seen to have while both were in use, by then (`Link`). */
  readonly linkBothRatio?: number | undefined
}

export interface Speeds {
  /** Work a second; undefined when no host is known to have done such a job, and this one nothing at all. */
  get(host: PacedHost, job: Paced): number | undefined
  /** Something is known of this very host, be it only from another kind of job, from a job that is not done yet, or from a trial. */
  knows(host: PacedHost, job: Paced): boolean
  /** Undefined as of `get`. */
  encodeSeconds(host: PacedHost, job: Paced & Pick<ScheduledJob, 'work'>): number | undefined
  linkOf(host: HostName): Link
  /** The speed as it is by now. */
  learn(host: HostName, job: Paced, workPerSecond: number): number | undefined
  /** What all jobs of the host had of it together, one way; the link as it is by now. */
  learnLink(host: HostName, bytesPerSecond: number): number | undefined
  /** The same of what is left to each way while both are in use. */
  learnBothRatio(host: HostName, bothRatio: number): number | undefined
  /** What a running job lets hope for, until it or another one is done. */
  expect(host: HostName, job: Paced, workPerSecond: number): void
  /** What a source that has arrived lets hope for, or an earlier run, until a job is done. */
  expectLink(host: HostName, bytesPerSecond: number, bothRatio?: number | undefined): void
  /** As it was remembered: what was learned since then counts more. */
  seed(known: KnownSpeed): void
  seedLink(known: KnownLink): void
  seedTrial(tried: TriedSpeed): void
}

/** Share of the newest measurement: hosts warm up, throttle and get other work. */
const NEWEST_SHARE = 0.4

export function createSpeeds(): Speeds {
  /** By kind of job, then by host. */
  const known = new Map<string, Map<string, number>>()
  const expected = new Map<string, Map<string, number>>()
  /** By profile, then by host. */
  const tried = new Map<string, Map<string, number>>()
  const links = new Map<string, number>()
  const expectedLinks = new Map<string, number>()
  const bothRatios = new Map<string, number>()
  /** Made of these, by host. */
  const wholeLinks = new Map<string, Link>()
  /** By kind of job; forgotten whenever something is learned. */
  const means = new Map<string, number>()
  const scales = new Map<string, number | undefined>()

  function find(kind: string, host: string): number | undefined {
    return known.get(kind)?.get(host) ?? expected.get(kind)?.get(host)
  }

  function set(speeds: Map<string, Map<string, number>>, kind: string, host: string, speed: number): void {
    const ofKind = speeds.get(kind) ?? new Map<string, number>()
    speeds.set(kind, ofKind.set(host, speed))
    means.delete(kind)
    scales.clear()
  }

  /** NaN where no host is known to have done such a job. */
  function meanOf(kind: string): number {
    const cached = means.get(kind)
    if (cached !== undefined) return cached
    const mean = toMean([...listOf(kind).values()])
    means.set(kind, mean)
    return mean
  }

  function listOf(kind: string): ReadonlyMap<string, number> {
    return new Map([...(expected.get(kind) ?? []), ...(known.get(kind) ?? [])])
  }

  /** How it compares with the other hosts in what it has done. */
  function rateHost(host: string): number | undefined {
    const ratios: number[] = []
    for (const [kind, speeds] of known) {
      const speed = speeds.get(host)
      if (speed !== undefined && speeds.size > 1) ratios.push(speed / meanOf(kind))
    }
    return ratios.length === 0 ? undefined : toMean(ratios)
  }

  /** By how much a trial is off, found from hosts that have done such jobs, or at least jobs of this profile; undefined while none has. */
  function scaleOf(kind: string, profile: string): number | undefined {
    if (scales.has(kind)) return scales.get(kind)
    const kinds = meanOf(kind) > 0 ? [kind] : [...new Set([...known.keys(), ...expected.keys()])].filter((other) => isOf(profile, other))
    const trials = tried.get(profile)
    const logs = kinds.flatMap((own) => [...listOf(own)].map(([host, speed]) => Math.log(speed / (trials?.get(host) ?? Number.NaN))))
    const mean = toMean(logs.filter(Number.isFinite))
    const scale = Number.isNaN(mean) ? undefined : Math.exp(mean)
    scales.set(kind, scale)
    return scale
  }

  function fromTrial(host: string, kind: string, profile: string): number | undefined {
    const trial = tried.get(profile)?.get(host)
    if (trial === undefined) return undefined
    const scale = scaleOf(kind, profile)
    // Where others have done such jobs and were not tried, nothing tells what a trial is worth.
    return scale === undefined && meanOf(kind) > 0 ? undefined : trial * (scale ?? 1)
  }

  /** As a host that is as fast as most; NaN where nothing is known of any. */
  function usualOf(kind: string, profile: string): number {
    const mean = meanOf(kind)
    return Number.isNaN(mean) ? toMean([...(tried.get(profile)?.values() ?? [])]) * (scaleOf(kind, profile) ?? 1) : mean
  }

  /** A trial says nothing of a link, on which more may depend: until that is known, too, short jobs have to find out about the host. */
  function isTrialEnough(host: PacedHost): boolean {
    return host.isStreaming !== true || linkOf(host).bytesPerSecond < Number.POSITIVE_INFINITY
  }

  function get(host: PacedHost, job: Paced): number | undefined {
    const [key, kind] = [toKey(host), toKind(job)]
    const own = find(kind, key)
    if (own !== undefined) return own
    const rate = rateHost(key)
    const byTrial = rate === undefined && isTrialEnough(host) ? fromTrial(key, kind, job.profile) : undefined
    if (byTrial !== undefined) return byTrial
    const usual = isTrialEnough(host) ? usualOf(kind, job.profile) : meanOf(kind)
    return Number.isNaN(usual) ? rate : usual * (rate ?? 1)
  }

  function linkOf(host: HostName): Link {
    return wholeLinks.get(toKey(host)) ?? UNKNOWN_LINK
  }

  function setLink(of: Map<string, number>, host: HostName, value: number): void {
    const key = toKey(host)
    of.set(key, value)
    wholeLinks.set(key, {
      bytesPerSecond: links.get(key) ?? expectedLinks.get(key) ?? UNKNOWN_LINK.bytesPerSecond,
      bothRatio: bothRatios.get(key) ?? UNKNOWN_LINK.bothRatio,
    })
  }

  function seedBothRatio(host: HostName, bothRatio = Number.NaN): void {
    if (isSpeed(bothRatio) && !bothRatios.has(toKey(host))) setLink(bothRatios, host, bothRatio)
  }

  return {
    get,
    knows(host, job) {
      const key = toKey(host)
      if (find(toKind(job), key) !== undefined || rateHost(key) !== undefined) return true
      return tried.get(job.profile)?.has(key) === true && isTrialEnough(host)
    },
    encodeSeconds(host, job) {
      const speed = get(host, job)
      return speed === undefined ? undefined : job.work / speed
    },
    linkOf,
    learn(host, job, workPerSecond) {
      if (!isSpeed(workPerSecond)) return undefined
      const before = known.get(toKind(job))?.get(toKey(host))
      const now = blend(before, workPerSecond)
      set(known, toKind(job), toKey(host), now)
      return now
    },
    learnLink(host, bytesPerSecond) {
      if (!isSpeed(bytesPerSecond)) return undefined
      const now = blend(links.get(toKey(host)), bytesPerSecond)
      setLink(links, host, now)
      return now
    },
    learnBothRatio(host, bothRatio) {
      if (!isSpeed(bothRatio)) return undefined
      const now = Math.min(CABLE_RATIO, Math.max(SHARED_RATIO, blend(bothRatios.get(toKey(host)), bothRatio)))
      setLink(bothRatios, host, now)
      return now
    },
    expect(host, job, workPerSecond) {
      if (isSpeed(workPerSecond)) set(expected, toKind(job), toKey(host), workPerSecond)
    },
    expectLink(host, bytesPerSecond, bothRatio) {
      if (isSpeed(bytesPerSecond)) setLink(expectedLinks, host, bytesPerSecond)
      seedBothRatio(host, bothRatio)
    },
    seed(speed) {
      if (!isSpeed(speed.workPerSecond) || known.get(toKind(speed))?.has(toKey(speed)) === true) return
      set(known, toKind(speed), toKey(speed), speed.workPerSecond)
    },
    seedLink(link) {
      if (isSpeed(link.bytesPerSecond) && !links.has(toKey(link))) setLink(links, link, link.bytesPerSecond)
      seedBothRatio(link, link.bothRatio)
    },
    seedTrial(trial) {
      if (isSpeed(trial.workPerSecond)) set(tried, trial.profile, toKey(trial), trial.workPerSecond)
    },
  }
}

function blend(before: number | undefined, newest: number): number {
  return before === undefined ? newest : before * (1 - NEWEST_SHARE) + newest * NEWEST_SHARE
}

/** NaN of none. */
function toMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function isSpeed(value: number): boolean {
  return Number.isFinite(value) && value > 0
}

/** The same few jobs and hosts are asked for all the time: a text that is put together anew must be hashed anew, too. */
const kinds = new WeakMap<Paced, string>()
const keys = new WeakMap<HostName, string>()

function isOf(profile: string, kind: string): boolean {
  return kind.startsWith(`${profile}\n`)
}

/** No profile and no host has a line break in its name. */
function toKind(job: Paced): string {
  const known = kinds.get(job)
  if (known !== undefined) return known
  const kind = `${job.profile}\n${job.sizeClass ?? ''}`
  kinds.set(job, kind)
  return kind
}

function toKey(host: HostName): string {
  const known = keys.get(host)
  if (known !== undefined) return known
  const key = `${host.cluster}\n${host.name}`
  keys.set(host, key)
  return key
}
