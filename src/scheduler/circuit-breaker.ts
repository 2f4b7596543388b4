/**
 * Sets hosts aside on which jobs keep failing, and finds out whose fault a failure is.
 *
 * A failure is a question: is it the file, or the host? The job's end answers it. Was it done elsewhere, then the hosts that failed at
 * it are to blame; did it fail elsewhere too, then the file is, and their failures are taken out of the count. So:
 *
 * - `maxFailures` failures in a row, not yet answered or the host's own: the host is held, and gets no new job until the answers are
 *   there or a while has passed. Nobody is told: it may be a row of broken files.
 * - `maxFailures` of them the host's own: it is set aside, which is told, for a while that doubles each time.
 * - After the while it is looked at, then given one job on trial. Doing that well is what sets it free.
 *
 * Two hosts are enough to condemn a file, but only hosts that can be believed: two that lost the same mount would condemn every file.
 * A host is a witness when it has done a job in this run, and since its last one failed at this file alone. Where the hosts that failed
 * are none, a third is asked, and so on; when nobody is left to ask the job fails, and nobody is blamed.
 */

import type { Clock } from '../core/clock.ts'
import type { Worker, WorkerSpec } from './worker.ts'

export interface SetAside {
  /** Failures in a row that were the host's own; 0 when it was looked at after a while and still is not well. */
  readonly failures: number
  /** What the last one said. */
  readonly reason: string
  readonly forMs: number
}

export interface BreakerOptions {
  /** Failures in a row; 0 = never. */
  readonly maxFailures: number
  readonly clock: Clock
  /** Aborted when the run is over: no host is looked at any more. */
  readonly signal: AbortSignal
  /** Looks at a host that had its while; resolves to what is wrong with it. Must not reject. */
  readonly probe: (worker: WorkerSpec) => Promise<string | undefined>
  readonly onSetAside: (worker: WorkerSpec, aside: SetAside) => void
  readonly onTakenBack: (worker: WorkerSpec) => void
  /** A host may take jobs that it could not take before, or will not for long. */
  readonly onChange: () => void
}

/** Jobs are named by their ids. */
export interface CircuitBreaker {
  /** `held`: may take what has failed elsewhere if there is no better host, so that hosts that are held answer for each other. */
  stateOf(worker: Worker): 'free' | 'held' | 'aside'
  /** It came back and failed so often that nobody should wait for it. */
  isHopeless(worker: Worker): boolean
  /** What the last failure there said. */
  lastReasonOf(worker: Worker): string
  started(worker: Worker, job: string): void
  /** It did the job, or found that it is better not done. */
  succeeded(worker: Worker): void
  failed(worker: Worker, job: string, reason: string): void
  /** The attempt ended and tells nothing about the host. */
  ended(worker: Worker, job: string): void
  /** A job that failed there was done elsewhere. */
  blame(worker: Worker, job: string): void
  /** A job that failed there has failed for good. `isFiles`: witnesses say that the file is to blame. */
  clear(worker: Worker, job: string, isFiles: boolean): void
  isWitness(worker: Worker, job: string): boolean
}

/** How long a host is held or set aside at first; doubled each time in a row. */
const FIRST_REST_MS = 60_000
const LONGEST_REST_MS = 30 * 60_000
/** Returns on trial that jobs wait for where no other host is left: after 1, 2 and 4 minutes. */
const MAX_AWAITED_RETURNS = 3

interface Standing {
  phase: 'free' | 'held' | 'aside' | 'trial'
  hasDoneJobs: boolean
  /** Jobs that failed since it last did one, and have not ended yet. */
  readonly open: Set<string>
  /** Failures since then that were its own. */
  blamed: number
  lastReason: string
  /** The job on trial, running or not ended yet. */
  onTrial: string | undefined
  /** How often in a row it was held or set aside, and set aside. */
  rests: number
  asides: number
  waking: AbortController | undefined
}

export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  const { maxFailures, clock, signal } = options
  const standings = new Map<Worker, Standing>()
  /** Those that are not free: asked of all hosts again and again, and mostly there are none. */
  const restless = new Set<Worker>()

  function standingOf(worker: Worker): Standing {
    const known = standings.get(worker)
    if (known !== undefined) return known
    const made = createStanding()
    standings.set(worker, made)
    return made
  }

  function enter(worker: Worker, phase: Standing['phase']): Standing {
    if (phase === 'free') restless.delete(worker)
    else restless.add(worker)
    return Object.assign(standingOf(worker), { phase })
  }

  /** Holds it or sets it aside; a host that is held already and turns out to be to blame rests as long again, not twice as long. */
  function rest(worker: Worker, phase: 'held' | 'aside'): number {
    const standing = standingOf(worker)
    if (phase === 'held' || standing.phase !== 'held') standing.rests += 1
    enter(worker, phase)
    const restMs = Math.min(FIRST_REST_MS * 2 ** (standing.rests - 1), LONGEST_REST_MS)
    standing.waking?.abort()
    const waking = new AbortController()
    standing.waking = waking
    void wake(worker, restMs, AbortSignal.any([signal, waking.signal]))
    return restMs
  }

  function setAside(worker: Worker, failures: number, reason: string): void {
    const forMs = rest(worker, 'aside')
    const standing = standingOf(worker)
    standing.asides += 1
    standing.onTrial = undefined
    options.onSetAside(worker.spec, { failures, reason, forMs })
    options.onChange()
  }

  async function wake(worker: Worker, restMs: number, cancelled: AbortSignal): Promise<void> {
    await clock.sleep(restMs, cancelled).catch(() => {})
    if (cancelled.aborted) return
    const problem = await options.probe(worker.spec)
    if (cancelled.aborted) return
    if (problem !== undefined) return setAside(worker, 0, problem)
    offerTrial(worker)
  }

  function offerTrial(worker: Worker): void {
    const standing = standingOf(worker)
    const wasAside = standing.phase === 'aside'
    enter(worker, 'trial')
    standing.onTrial = undefined
    if (wasAside) options.onTakenBack(worker.spec)
    options.onChange()
  }

  function setFree(worker: Worker): void {
    const standing = enter(worker, 'free')
    standing.waking?.abort()
    Object.assign(standing, { onTrial: undefined, rests: 0, asides: 0 })
    options.onChange()
  }

  return {
    stateOf(worker) {
      if (!restless.has(worker)) return 'free'
      const { phase, onTrial } = standingOf(worker)
      if (phase === 'trial') return onTrial === undefined ? 'free' : 'held'
      return phase
    },
    isHopeless(worker) {
      const { phase, asides } = standingOf(worker)
      return phase === 'aside' && asides > MAX_AWAITED_RETURNS
    },
    lastReasonOf: (worker) => standingOf(worker).lastReason,
    started(worker, job) {
      const standing = standingOf(worker)
      if (standing.phase === 'trial') standing.onTrial ??= job
    },
    succeeded(worker) {
      const standing = standingOf(worker)
      standing.hasDoneJobs = true
      standing.open.clear()
      standing.blamed = 0
      // Told to be aside, it stays so for its time: the job was begun before.
      if (standing.phase === 'held' || standing.phase === 'trial') setFree(worker)
    },
    failed(worker, job, reason) {
      const standing = standingOf(worker)
      standing.open.add(job)
      standing.lastReason = reason
      const isRow = maxFailures > 0 && standing.phase === 'free' && standing.open.size + standing.blamed >= maxFailures
      if (isRow || standing.onTrial === job) rest(worker, 'held')
    },
    ended(worker, job) {
      const standing = standingOf(worker)
      if (standing.onTrial === job) standing.onTrial = undefined
    },
    blame(worker, job) {
      const standing = standingOf(worker)
      // It did other jobs well since.
      if (!standing.open.delete(job)) return
      standing.blamed += 1
      if (maxFailures === 0 || standing.phase === 'aside') return
      // One that has been aside is judged by its trial, not by what it did before.
      const isBad = standing.asides > 0 ? standing.onTrial === job : standing.blamed >= maxFailures
      if (isBad) setAside(worker, standing.blamed, standing.lastReason)
    },
    clear(worker, job, isFiles) {
      const standing = standingOf(worker)
      standing.open.delete(job)
      const wasTrial = standing.onTrial === job
      if (wasTrial) standing.onTrial = undefined
      const isResting = standing.phase === 'held' || standing.phase === 'trial'
      if (isResting && standing.asides === 0 && standing.open.size + standing.blamed < maxFailures) return setFree(worker)
      if (standing.phase !== 'held' || !wasTrial) return
      if (isFiles) {
        standing.waking?.abort()
        standing.rests -= 1
        return offerTrial(worker)
      }
      // Nobody else could do the job: it has not shown that it is well again.
      if (standing.asides > 0) setAside(worker, standing.blamed, standing.lastReason)
    },
    isWitness(worker, job) {
      const { hasDoneJobs, open, blamed } = standingOf(worker)
      return hasDoneJobs && blamed === 0 && open.size === (open.has(job) ? 1 : 0)
    },
  }
}

function createStanding(): Standing {
  return {
    phase: 'free',
    hasDoneJobs: false,
    open: new Set(),
    blamed: 0,
    lastReason: '',
    onTrial: undefined,
    rests: 0,
    asides: 0,
    waking: undefined,
  }
}
