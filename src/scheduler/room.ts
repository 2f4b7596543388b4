/** Whether a host, and wherever else a job would write, has room for it: asked at the moment of placing, answered without waiting. */

import type { ScheduledJob } from './job-form.ts'
import type { WorkerSpec } from './worker.ts'

/** `asking`: `Scheduler.wake` is called once it is known. */
export type Room = 'yes' | 'asking' | Lack

export interface Lack {
  /** Which place is too full: the same for all hosts that would write there. */
  readonly place: string
  /** For people: what is free there, and what is needed. */
  readonly said: string
}

export interface RoomKeeper<Job extends ScheduledJob> {
  look(job: Job, worker: WorkerSpec): Room
  /** A slot is free and the job waits all the same. `Scheduler.wake` is called from time to time. */
  onLack(job: Job, lacks: readonly Lack[]): void
  /** Nothing of this run is under way any more: may room come all the same, by the work of others? */
  mayCome(): boolean
}
