/**
 * Attempts from their start to their end. An attempt is placed on a host, and needs a slot there only while it encodes: it asks for one
 * when its source has come, and gives it back before its result leaves. Who asks first is served first. One that can encode its source while
 * it still comes may ask before: it gets what those leave whose sources are there.
 */

import type { Clock } from '../core/clock.ts'
import type { JobOutcome } from '../model/outcome.ts'
import type { Attempt, AttemptPace, LiveAttempt, SlotLease } from './attempt.ts'
import { type ScheduledJob, toFetchBytes } from './job-form.ts'
import type { Entry } from './lanes.ts'
import { toFetchSeconds, toReturnSeconds } from './link.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Speeds, Spent } from './speeds.ts'
import type { Timetable } from './timetable.ts'
import { countPhase, countUsableSlots, type Phase, type Worker, type WorkerSpec } from './worker.ts'

export interface AttemptsOptions<Job extends ScheduledJob> {
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  readonly speeds: Speeds
  readonly timetable: Pick<Timetable, 'forget'>
  /** Encodes at a time over all hosts. */
  readonly maxRunning: number
  readonly runJob: (job: Job, worker: WorkerSpec, attempt: Attempt) => Promise<JobOutcome>
  /** A source has come. */
  readonly onFetched: (attempt: LiveAttempt<Job>) => void
  /** A slot may be free. */
  readonly onRelease: () => void
  /** For the first time it is known how long such jobs take there. */
  readonly onPace: () => void
  readonly onEnd: (attempt: LiveAttempt<Job>, outcome: JobOutcome) => void
}

export interface Attempts<Job extends ScheduledJob> {
  /** Runs it at once; it counts before this returns. */
  start(entry: Entry<Job>, place: Candidate, isCopy: boolean): void
  /** Gives slots that are free to those that wait for one. */
  grant(): void
  /** The host starts nothing more: withdraws those that wait for a slot, and those on their way for which none is free. */
  withdrawAhead(worker: Worker, reason: string): void
  list(): Iterable<LiveAttempt<Job>>
  /** Those that have not encoded yet, or do so; and all of them. */
  readonly running: number
  readonly count: number
  /** How often a job was placed, took its slot or had encoded. */
  readonly changes: number
}

/** Results a slot that may be on their way back before the next encode begins: a slow link must not fill the host's disk. */
const MAX_LEAVING_A_SLOT = 2

interface Asking {
  readonly go: () => void
  /** How often its host had changed when it had no slot for it. */
  deniedAt: number | undefined
}

type EarlyAsking = Asking & { readonly slot: Promise<void> }

export function createAttempts<Job extends ScheduledJob>(options: AttemptsOptions<Job>): Attempts<Job> {
  const { clock, signal, speeds, timetable, maxRunning } = options
  const live = new Set<LiveAttempt<Job>>()
  /** In the order in which their sources came. */
  const waiting = new Map<LiveAttempt<Job>, Asking>()
  /** In the order in which they asked, before their sources had come. */
  const early = new Map<LiveAttempt<Job>, EarlyAsking>()
  let running = 0
  let encoding = 0
  let changes = 0

  function start(entry: Entry<Job>, place: Candidate, isCopy: boolean): void {
    const { worker, fit } = place
    const { spec } = worker
    const { job } = entry
    const startedMs = clock.now()
    const withdrawal = new AbortController()
    let spent: Spent | undefined
    let encodedMs: number | undefined
    const attempt: LiveAttempt<Job> = {
      ...{ job, entry, place, isCopy, queue: fit.queue, sinceMs: startedMs, endsMs: undefined },
      ...{
        phase: 'coming',
        crossing: worker.link.join('there', toFetchSeconds(job, speeds.linkOf(spec)), startedMs),
        withdrawn: undefined,
      },
      spent: () => spent ?? { encodeSeconds: ((encodedMs ?? clock.now()) - startedMs) / 1000 },
      crossed: { seconds: 0, bothSeconds: 0 },
      withdraw(reason) {
        attempt.withdrawn ??= reason
        withdrawal.abort(new Error(reason))
      },
    }
    const pace: AttemptPace = {
      expectEnd(leftSeconds) {
        if (attempt.phase !== 'encoding') return
        attempt.endsMs = clock.now() + leftSeconds * 1000
        timetable.forget(worker)
        const isNew = !speeds.knows(spec, job)
        speeds.expect(spec, job, job.work / ((attempt.endsMs - attempt.sinceMs) / 1000))
        if (isNew) options.onPace()
      },
      tell(told) {
        spent = told
      },
    }
    const lease: SlotLease = {
      get hasSlot() {
        return attempt.phase === 'encoding' || (attempt.phase === 'coming' && hasFreeSlot(attempt))
      },
      take: () => take(attempt, withdrawal.signal),
      takeEarly: () => takeEarly(attempt),
      release() {
        if (attempt.phase !== 'encoding') return
        encodedMs = clock.now()
        enter(attempt, 'leaving')
        options.onRelease()
      },
      withdrawn: withdrawal.signal,
      claimResult: () => claim(attempt),
    }
    live.add(attempt)
    worker.underWay.add(attempt)
    worker.taken.set(fit.queue, (worker.taken.get(fit.queue) ?? 0) + 1)
    running += 1
    changes += 1
    timetable.forget(worker)
    entry.attempts += 1
    entry.stayOn = undefined
    if (isCopy) entry.wasCopied = true
    entry.live.add(attempt)
    const { bytesPerSecond } = speeds.linkOf(spec)
    const linkBytesPerSecond = bytesPerSecond < Number.POSITIVE_INFINITY ? bytesPerSecond : undefined
    const own: Attempt = { number: entry.attempts, isCopy, form: fit.form, linkBytesPerSecond, pace, lease }
    void options.runJob(job, spec, own).then((outcome) => {
      end(attempt)
      options.onEnd(attempt, outcome)
    })
  }

  function take(attempt: LiveAttempt<Job>, withdrawal: AbortSignal): Promise<void> {
    if (attempt.phase !== 'coming') return Promise.resolve()
    const until = AbortSignal.any([signal, withdrawal])
    if (until.aborted) return Promise.reject(until.reason)
    learnLink(attempt)
    enter(attempt, 'waiting')
    early.delete(attempt)
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiting.delete(attempt)
        reject(until.reason)
      }
      until.addEventListener('abort', giveUp, { once: true })
      const go = (): void => {
        until.removeEventListener('abort', giveUp)
        resolve()
      }
      waiting.set(attempt, { go, deniedAt: undefined })
      grant()
      options.onFetched(attempt)
    })
  }

  function takeEarly(attempt: LiveAttempt<Job>): Promise<void> {
    if (attempt.phase === 'encoding') return Promise.resolve()
    const asking = early.get(attempt) ?? createEarlyAsking()
    if (attempt.phase === 'coming') {
      early.set(attempt, asking)
      grant()
    }
    return asking.slot
  }

  /** What the way in tells of a link that nobody knows yet. */
  function learnLink({ job, place: { worker }, crossing }: LiveAttempt<Job>): void {
    // What was there out of its turn tells that turns are not as they were thought to be.
    if (crossing === undefined || !worker.link.isFirst(crossing)) return
    worker.link.look(clock.now())
    speeds.expectLink(worker.spec, toFetchBytes(job) / crossing.hadSeconds)
  }

  function grant(): void {
    grantTo(waiting)
    grantTo(early)
  }

  function grantTo(asking: ReadonlyMap<LiveAttempt<Job>, Asking>): void {
    for (const [attempt, asked] of asking) {
      if (encoding >= maxRunning) return
      const { worker } = attempt.place
      // Most of them wait on hosts where nothing has happened.
      if (asked.deniedAt === worker.changes) continue
      if (countUsableSlots(worker, attempt.queue) <= 0)
        attempt.withdraw(`Host "${worker.spec.name}" has no queue "${attempt.queue}" any more`)
      if (attempt.withdrawn !== undefined) continue
      if (!hasFreeSlot(attempt)) {
        asked.deniedAt = worker.changes
        continue
      }
      const asks = [waiting.get(attempt), early.get(attempt)]
      waiting.delete(attempt)
      early.delete(attempt)
      enter(attempt, 'encoding')
      for (const ask of asks) ask?.go()
    }
  }

  function hasFreeSlot({ place: { worker }, queue }: LiveAttempt<Job>): boolean {
    if (encoding >= maxRunning) return false
    const own = countPhase(worker, 'encoding')
    const slots = countUsableSlots(worker, queue)
    if (own >= (worker.spec.maxJobs ?? Number.POSITIVE_INFINITY) || countPhase(worker, 'encoding', queue) >= slots) return false
    return !isPiledUp(worker, queue)
  }

  function enter(attempt: LiveAttempt<Job>, phase: Phase | 'over'): void {
    const { worker } = attempt.place
    const nowMs = clock.now()
    const before = attempt.phase
    if (attempt.crossing !== undefined) {
      worker.link.leave(attempt.crossing, nowMs)
      attempt.crossed.seconds += (nowMs - attempt.sinceMs) / 1000
      attempt.crossed.bothSeconds += attempt.crossing.bothSeconds
    }
    const link = speeds.linkOf(worker.spec)
    attempt.crossing = phase === 'leaving' ? worker.link.join('back', toReturnSeconds(attempt.job, link), nowMs) : undefined
    if (before !== 'leaving') changes += 1
    if (phase === 'encoding') encoding += 1
    if (before === 'encoding') encoding -= 1
    if (phase === 'leaving' || (phase === 'over' && before !== 'leaving')) {
      worker.taken.set(attempt.queue, (worker.taken.get(attempt.queue) ?? 1) - 1)
      running -= 1
    }
    if (phase !== 'over') attempt.phase = phase
    attempt.sinceMs = nowMs
    attempt.endsMs = undefined
    timetable.forget(worker)
  }

  function end(attempt: LiveAttempt<Job>): void {
    enter(attempt, 'over')
    waiting.delete(attempt)
    early.delete(attempt)
    live.delete(attempt)
    attempt.place.worker.underWay.delete(attempt)
    attempt.entry.live.delete(attempt)
  }

  function claim(attempt: LiveAttempt<Job>): boolean {
    const { entry } = attempt
    if (attempt.withdrawn !== undefined) return false
    if (entry.claimedBy !== undefined) return entry.claimedBy === attempt
    entry.claimedBy = attempt
    for (const other of entry.live) if (other !== attempt) other.withdraw('Another attempt was sooner')
    return true
  }

  return {
    start,
    grant,
    withdrawAhead(worker, reason) {
      const coming = new Map<string, number>()
      for (const attempt of worker.underWay) {
        const { phase, queue } = attempt
        if (phase === 'waiting') attempt.withdraw(reason)
        if (phase !== 'coming') continue
        const before = coming.get(queue) ?? 0
        coming.set(queue, before + 1)
        if (before >= countUsableSlots(worker, queue) - countPhase(worker, 'encoding', queue)) attempt.withdraw(reason)
      }
    },
    list: () => live,
    get running() {
      return running
    },
    get count() {
      return live.size
    },
    get changes() {
      return changes
    },
  }
}

function createEarlyAsking(): EarlyAsking {
  const { promise: slot, resolve: go } = Promise.withResolvers<void>()
  return { slot, go, deniedAt: undefined }
}

/** As many results are on their way back as the host should keep. */
export function isPiledUp(worker: Worker, queue: string): boolean {
  const most = countUsableSlots(worker, queue) * (1 + MAX_LEAVING_A_SLOT)
  // Asked for every host again and again, and hardly ever so.
  if (worker.underWay.size < most) return false
  return countPhase(worker, 'encoding', queue) + countPhase(worker, 'leaving', queue) >= most
}
