/** A host as the scheduler sees it: slots per queue, what it can do, whether it is there, and what is under way on it. */

import type { ScheduledJob } from './job-form.ts'
import { type Link, UNKNOWN_LINK } from './link.ts'
import { type Crossing, createLinkTurns, type LinkTurns } from './link-turns.ts'

export interface WorkerSpec {
  readonly cluster: string
  readonly name: string
  /** Slots of each queue; undefined while nobody knows, because the host sets them when it comes up. */
  readonly queues: Readonly<Record<string, number>> | undefined
  /** Profiles that it takes; undefined = all. */
  readonly profiles: readonly string[] | undefined
  /** Jobs at a time over all queues; undefined = as many as there are slots. */
  readonly maxJobs?: number | undefined
  /** Sources and results travel to it and back; undefined = it sees them itself. */
  readonly isStreaming?: boolean | undefined
  /** What it turned out to have; undefined until it first came up, and then it may have anything. */
  readonly traits?: WorkerTraits | undefined
}

export interface WorkerTraits {
  readonly labels: ReadonlySet<string>
  /** Why it cannot give what a form needs, as a clause ("has no encoder ..."); undefined when it can. */
  readonly lacks: (need: string) => string | undefined
}

/**
 * Where an attempt is. `coming`: its source is on the way. `waiting`: for a slot. `encoding`: in its slot. `leaving`: done with the slot,
 * its result is on the way.
 */
export type Phase = 'coming' | 'waiting' | 'encoding' | 'leaving'

/** An attempt that has not ended. */
export interface UnderWay {
  readonly job: ScheduledJob
  readonly queue: string
  phase: Phase
  /** When the phase began. */
  sinceMs: number
  /** Of its encode, as it told; undefined where it did not. */
  endsMs: number | undefined
  /** On the worker's link; undefined while nothing of it is on its way. */
  crossing: Crossing | undefined
  /** Why it was told to end, because the job is to be done elsewhere or by another attempt. */
  withdrawn: string | undefined
  readonly withdraw: (reason: string) => void
}

export interface Worker {
  spec: WorkerSpec
  /** `expected`: on its way up, jobs wait for it. `gone`: will not come (again) in this run. */
  state: 'expected' | 'up' | 'gone'
  /** Of one that is expected: until then it is counted with, see `isComing`. */
  comingUntilMs?: number | undefined
  /** Jobs of each queue that have not encoded yet, or do so: counted in the moment a job is placed. */
  readonly taken: Map<string, number>
  readonly underWay: Set<UnderWay>
  readonly link: LinkTurns
  /** Slots of each queue that it turned out not to have after all. */
  readonly lowered: Map<string, number>
  /** Grows whenever something begins or ends there, or more is known of it. */
  changes: number
  /** Last known processor load, 1 = all cores busy; 0 until it is known. */
  cpuRatio: number
}

export function createWorker(spec: WorkerSpec, linkOf: (host: WorkerSpec) => Link = () => UNKNOWN_LINK): Worker {
  return {
    ...{ spec, state: 'expected', taken: new Map(), underWay: new Set(), lowered: new Map(), changes: 0, cpuRatio: 0 },
    link: createLinkTurns(() => linkOf(spec)),
  }
}

/** It was up lately and is being opened: for a few seconds a job may be left for it, as for a host that is busy. */
export function isComing({ state, comingUntilMs }: Worker, nowMs: number): boolean {
  return state === 'expected' && comingUntilMs !== undefined && nowMs < comingUntilMs
}

/** 0 where it is up. */
export function secondsToUp(worker: Worker, nowMs: number): number {
  return isComing(worker, nowMs) ? ((worker.comingUntilMs ?? nowMs) - nowMs) / 1000 : 0
}

/** Slots of a queue, free or not. */
export function countSlots(worker: Worker, queue: string): number {
  return (worker.spec.queues?.[queue] ?? 0) - (worker.lowered.get(queue) ?? 0)
}

/** Those that may be taken at the same time. */
export function countUsableSlots(worker: Worker, queue: string): number {
  return Math.min(countSlots(worker, queue), worker.spec.maxJobs ?? Number.POSITIVE_INFINITY)
}

/** Slots that no job has or is meant for. */
export function countFreeSlots(worker: Worker, queue: string): number {
  if (worker.state !== 'up') return 0
  const free = countSlots(worker, queue) - (worker.taken.get(queue) ?? 0)
  return Math.min(free, (worker.spec.maxJobs ?? Number.POSITIVE_INFINITY) - countRunning(worker))
}

/** Jobs that have not encoded yet, or do so. */
export function countRunning(worker: Worker): number {
  let running = 0
  for (const taken of worker.taken.values()) running += taken
  return running
}

export function countPhase(worker: Worker, phase: Phase, queue?: string): number {
  let count = 0
  for (const attempt of worker.underWay) if (attempt.phase === phase && (queue === undefined || attempt.queue === queue)) count += 1
  return count
}
