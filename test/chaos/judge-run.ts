/** Does a run that has ended tell the truth: its exit status, its events, and the ledger? */

import { stat } from 'node:fs/promises'
import type { JobRecord } from '../../src/ledger/records.ts'
import type { EncodeEvent, EventName, EventOf } from '../../src/model/events.ts'
import type { EndedRun } from '../cluster/encode-program.ts'

export interface RunEnd {
  readonly ended: EndedRun
  /** It was killed, or told to end at once: what it said may be less than what it did. */
  readonly wasCut: boolean
  /** Ctrl-C reached it. */
  readonly wasInterrupted: boolean
  /** It was told to start nothing more. */
  readonly wasDrained: boolean
  /** Its configuration was half a file for a while. */
  readonly wasTorn: boolean
  /** The jobs that it told of, as `encode history` shows them. */
  readonly jobs: readonly JobRecord[]
}

/** What a second Ctrl-C is answered, before anything could be ended. */
const STOPPED_AT_ONCE = /^encode: Stopped at once; .+ goes on\n/

/** What is not true; none is good. */
export async function findLies({ ended, wasCut, wasInterrupted, wasDrained, wasTorn, jobs }: RunEnd): Promise<readonly string[]> {
  const lies: string[] = []
  // It began when there was half a configuration, and refused that.
  if (wasTorn && ended.status === 2 && ended.events.length === 0) return lies
  for (const job of jobs) {
    if (job.state === 'done' && !(await exists(job.output)))
      lies.push(`The ledger says that "${job.source}" is done, and there is no result`)
  }
  const told = new Set<string>()
  for (const event of ended.events) {
    if (event.event !== 'job.done' && event.event !== 'job.failed' && event.event !== 'job.skipped') continue
    if (event.job === undefined) continue
    // However many attempts there were at it.
    if (told.has(event.job)) lies.push(`"${event.file}" was told twice, last as ${event.event}`)
    told.add(event.job)
    const state = jobs.find(({ id }) => id === event.job)?.state
    if (`job.${state}` !== event.event) lies.push(`"${event.file}" was told as ${event.event}, the ledger has it as ${state}`)
  }
  const complaint = wasCut ? ended.stderr.replace(STOPPED_AT_ONCE, '') : ended.stderr
  if (complaint !== '') lies.push(`It wrote to stderr: ${complaint}`)
  const finished = of(ended.events, 'run.finished')[0]
  // A signal may come too late to change anything.
  if (wasInterrupted && finished === undefined && ended.status < 128) lies.push(`It was interrupted, and its status is ${ended.status}`)
  // Ended before anything was to be done: there is nothing to tell.
  if (wasCut || ((wasInterrupted || wasDrained) && of(ended.events, 'run.started').length === 0)) return lies

  if (finished === undefined) return [...lies, `It ended with ${ended.status} and without run.finished`]
  const failed = of(ended.events, 'job.failed').length
  const done = of(ended.events, 'job.done').length
  if (finished.exit !== ended.status) lies.push(`run.finished says exit ${finished.exit}, the status is ${ended.status}`)
  if (finished.done !== done || finished.failed !== failed) lies.push('run.finished counts other files than were told')
  const queued = new Set(of(ended.events, 'job.queued').map(({ job }) => job))
  for (const name of ['job.done', 'job.failed', 'job.skipped'] as const)
    for (const { job } of of(ended.events, name)) queued.delete(job ?? '')
  if (wasInterrupted && ended.status === 130) return lies
  if (wasDrained && finished.left !== undefined) {
    if (finished.left !== queued.size)
      lies.push(`run.finished says that ${finished.left} jobs are left, and ${queued.size} were not told of`)
  } else if (queued.size > 0) lies.push(`Nothing was told of the end of ${queued.size} jobs`)
  const isTold = ended.status === 0 ? failed === 0 : ended.status === 1 || ended.status === 3 ? failed > 0 : false
  if (!isTold) lies.push(`The status is ${ended.status} with ${failed} failed jobs`)
  return lies
}

export function of<Name extends EventName>(events: readonly EncodeEvent[], name: Name): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
