/** One attempt: what is given to whom runs it, and what the scheduler keeps of it. */

import type { JobForm, ScheduledJob } from './job-form.ts'
import type { Entry } from './lanes.ts'
import type { Candidate } from './rank-candidates.ts'
import type { Spent } from './speeds.ts'
import type { UnderWay } from './worker.ts'

/** One try at a job on a host. */
export interface Attempt {
  /** The first is 1. */
  readonly number: number
  /** Another attempt at the job is under way on a host that needs longer: the first to claim its result wins. */
  readonly isCopy: boolean
  readonly form: JobForm
  /** Of the host's link, one way, by what is known when it begins; undefined where nobody knows. */
  readonly linkBytesPerSecond: number | undefined
  readonly pace: AttemptPace
  readonly lease: SlotLease
}

/** The slot of an attempt, which it needs while it encodes: bringing the source and the result across goes on beside other encodes. */
export interface SlotLease {
  /** The slot is its own, or `take` would resolve at once. */
  readonly hasSlot: boolean
  /** Resolves when the slot is its own; to be called before it encodes. Rejects when it is withdrawn, or the run ends. */
  readonly take: () => Promise<void>
  /** The same while its source is still on its way. Does not resolve when it is withdrawn, or the run ends. */
  readonly takeEarly: () => Promise<void>
  /** Nothing more is encoded: the slot is free for another job. The end of the attempt does the same. */
  readonly release: () => void
  /** Aborted when the job is to be done elsewhere: the attempt ends as `interrupted`. */
  readonly withdrawn: AbortSignal
  /** To be asked before the result takes its place; false: another attempt at the job was sooner, and this one ends as `interrupted`. */
  readonly claimResult: () => boolean
}

/** What an attempt may tell of its time. Without it, the time from its start to its end is all that is known. */
export interface AttemptPace {
  /** How long it will encode from now on; better than what other jobs let expect. */
  readonly expectEnd: (leftSeconds: number) => void
  /** Where its time went, before it ends. */
  readonly tell: (spent: Spent) => void
}

/** As the scheduler sees it. */
export interface LiveAttempt<Job extends ScheduledJob> extends UnderWay {
  readonly entry: Entry<Job>
  readonly place: Candidate
  readonly isCopy: boolean
  /** What it told, or as much as is known without. */
  readonly spent: () => Spent
  /** How long its bytes were on their way, and for how long of that both ways of the link were in use. */
  readonly crossed: { seconds: number; bothSeconds: number }
}
