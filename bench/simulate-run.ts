/**
 * One run of the real scheduler on a simulated cluster, under a clock that jumps from one event to the next. A job fetches its source,
 * encodes in its slot and brings its result back. Sources for one host come one after the other, and so do its results; while both are on
 * their way each has what the link leaves it.
 */

import type { Clock } from '../src/core/clock.ts'
import type { JobOutcome } from '../src/model/outcome.ts'
import type { Attempt } from '../src/scheduler/attempt.ts'
import type { ScheduledJob } from '../src/scheduler/job-form.ts'
import { createScheduler } from '../src/scheduler/scheduler.ts'
import type { StrategyName } from '../src/scheduler/strategy.ts'
import type { SimulatedCluster, SimulatedHost, SimulatedJob } from './random-cluster.ts'

/** When ffmpeg has told for the first time how long the rest will take. */
const REPORT_SECONDS = 2

/** Jobs a slot whose sources are fetched before it is free. */
const AHEAD = 1

/** Less than that of a file is left by rounding. */
const ROUNDING_BYTES = 1e-6

const PROFILE = 'hevc'
const CLUSTER = 'simulated'

interface Ticket extends ScheduledJob {
  readonly simulated: SimulatedJob
}

/** Of an attempt that did its job: when it took its slot, had encoded, and had ended, in seconds. */
export interface SimulatedTimes {
  readonly host: string
  readonly work: number
  readonly take: number
  readonly encoded: number
  readonly end: number
}

const WAYS = ['there', 'back'] as const
type Way = (typeof WAYS)[number]

interface Transfer {
  readonly sinceSeconds: number
  leftBytes: number
  readonly done: () => void
}

/** Seconds from the first start to the last end. Throws when the scheduler stands still with jobs left. */
export async function simulateRun(
  cluster: SimulatedCluster,
  strategy: StrategyName,
  onDone: (told: SimulatedTimes) => void = () => {},
  /** What trials said of hosts of which nothing else is known, in any unit. */
  trials: ReadonlyMap<string, number> = new Map(),
): Promise<number> {
  const timeline = createTimeline()
  const links = new Map(cluster.hosts.map((host) => [host.name, createLink(host, cluster.bothRatio, timeline)]))
  const hosts = new Map(cluster.hosts.map((host) => [host.name, host]))
  let done = 0
  const scheduler = createScheduler<Ticket>({
    strategy,
    clock: timeline.clock,
    signal: new AbortController().signal,
    ahead: ({ name }) => (Number.isFinite(hosts.get(name)?.linkBytesPerSecond) ? AHEAD : 0),
    runJob: async ({ simulated }, { name }, attempt) => {
      const host = hosts.get(name)
      const link = links.get(name)
      if (host === undefined || link === undefined) throw new Error(`There is no host "${name}"`)
      return await simulateAttempt(simulated, host, link, attempt).catch((error: unknown): JobOutcome => {
        if (attempt.lease.withdrawn.aborted) return { kind: 'interrupted' }
        throw error
      })
    },
    onRetry: () => {},
    onSettled: () => {
      done += 1
    },
    onLost: () => {},
    onLowered: () => {},
    probe: async () => undefined,
    onSetAside: () => {},
    onTakenBack: () => {},
    knownSpeeds:
      cluster.knowledge === 'unknown'
        ? []
        : cluster.hosts.map(({ name, speed }) => ({ cluster: CLUSTER, name, profile: PROFILE, workPerSecond: speed })),
    knownLinks:
      cluster.knowledge === 'unknown'
        ? []
        : cluster.hosts.map(({ name, linkBytesPerSecond }) => ({
            ...{ cluster: CLUSTER, name, bytesPerSecond: linkBytesPerSecond, bothRatio: cluster.knownRatio },
          })),
  })
  scheduler.seedTrials([...trials].map(([name, workPerSecond]) => ({ cluster: CLUSTER, name, profile: PROFILE, workPerSecond })))
  const specs = cluster.hosts.map(({ name, slots, linkBytesPerSecond }) => ({
    ...{ cluster: CLUSTER, name, queues: { _default: slots }, profiles: undefined },
    isStreaming: Number.isFinite(linkBytesPerSecond),
  }))
  for (const spec of specs) scheduler.expectWorker(spec)
  for (const spec of specs) scheduler.setWorker(spec, 'up')
  scheduler.add(cluster.jobs.map(toTicket))
  scheduler.seal()
  for (;;) {
    // Whatever waits for what has just happened goes on first.
    await new Promise((resolve) => setImmediate(resolve))
    if (done === cluster.jobs.length) break
    if (!timeline.next()) throw new Error(`${cluster.jobs.length - done} jobs are left and nothing happens any more`)
  }
  await scheduler.drained
  return timeline.clock.now() / 1000

  /** Rejects when it is withdrawn. */
  async function simulateAttempt(job: SimulatedJob, host: SimulatedHost, link: Link, { pace, lease }: Attempt): Promise<JobOutcome> {
    const fetched = await link.move('there', job.fetchBytes, lease.withdrawn)
    await lease.take()
    const takenMs = timeline.clock.now()
    const encodeSeconds = job.work / host.speed
    if (encodeSeconds > REPORT_SECONDS) {
      await timeline.wait(REPORT_SECONDS, lease.withdrawn)
      pace.expectEnd(encodeSeconds - REPORT_SECONDS)
      await timeline.wait(encodeSeconds - REPORT_SECONDS, lease.withdrawn)
    } else await timeline.wait(encodeSeconds, lease.withdrawn)
    lease.release()
    const encodedMs = timeline.clock.now()
    const returned = await link.move('back', job.returnBytes, lease.withdrawn)
    if (!lease.claimResult()) return { kind: 'interrupted' }
    const [transferSeconds, linkBytes] = [fetched.seconds + returned.seconds, fetched.bytes + returned.bytes]
    pace.tell({ encodeSeconds, transferSeconds, linkBytes, linkBothRatio: link.seenRatio })
    onDone({ host: host.name, work: job.work, take: takenMs / 1000, encoded: encodedMs / 1000, end: timeline.clock.now() / 1000 })
    return { kind: 'done', outputBytes: 1, seconds: 1 }
  }
}

const FORMS = [{ name: PROFILE, queues: ['_default'], needs: [], labels: { require: [], any: [], prefer: [] } }] as const

function toTicket(simulated: SimulatedJob): Ticket {
  const { id, expectedWork, fetchBytes, returnBytes } = simulated
  return {
    id,
    cluster: CLUSTER,
    profile: PROFILE,
    forms: FORMS,
    work: expectedWork,
    transferBytes: fetchBytes + returnBytes,
    fetchBytes,
    simulated,
  }
}

interface Link {
  /** How long it took, and what all went that way meanwhile. Rejects when it is withdrawn. */
  move(way: Way, bytes: number, withdrawn: AbortSignal): Promise<{ readonly seconds: number; readonly bytes: number }>
  /** What each way has while both are in use; undefined while they never were. */
  readonly seenRatio: number | undefined
}

function createLink({ linkBytesPerSecond }: SimulatedHost, bothRatio: number, timeline: Timeline): Link {
  const ways: Readonly<Record<Way, Transfer[]>> = { there: [], back: [] }
  const movedBytes = { there: 0, back: 0 }
  let seenRatio: number | undefined
  let sinceMs = 0
  let next: (() => void) | undefined

  function listMoving(): readonly Transfer[] {
    return Object.values(ways).flatMap(([first]) => (first === undefined ? [] : [first]))
  }

  /** Of each way. */
  function bytesPerSecond(): number {
    return listMoving().length > 1 ? linkBytesPerSecond * bothRatio : linkBytesPerSecond
  }

  /** Takes off what was moved since the last change. */
  function share(): void {
    const bytes = ((timeline.clock.now() - sinceMs) / 1000) * bytesPerSecond()
    for (const way of WAYS) {
      const [first] = ways[way]
      if (first === undefined) continue
      first.leftBytes -= bytes
      movedBytes[way] += bytes
    }
    if (listMoving().length > 1) seenRatio = bothRatio
    sinceMs = timeline.clock.now()
  }

  function plan(): void {
    next?.()
    next = undefined
    const moving = listMoving()
    const leftBytes = Math.min(...moving.map((transfer) => transfer.leftBytes))
    if (moving.length === 0) return
    next = timeline.after(Math.max(0, leftBytes) / bytesPerSecond(), () => {
      next = undefined
      share()
      const ended = moving.find((transfer) => transfer.leftBytes <= ROUNDING_BYTES)
      if (ended !== undefined) remove(ended)
      plan()
      ended?.done()
    })
  }

  /** First goes what would have been there first, had each begun at once, as in a run (decision 23). */
  function insert(way: Way, transfer: Transfer): void {
    const dueOf = (other: Transfer): number => other.sinceSeconds + other.leftBytes / linkBytesPerSecond
    const place = ways[way].findIndex((other) => dueOf(other) > dueOf(transfer))
    ways[way].splice(place === -1 ? ways[way].length : place, 0, transfer)
  }

  function remove(transfer: Transfer): void {
    for (const way of Object.values(ways)) if (way.includes(transfer)) way.splice(way.indexOf(transfer), 1)
  }

  return {
    get seenRatio() {
      return seenRatio
    },
    move: (way, bytes, withdrawn) =>
      new Promise((resolve, reject) => {
        if (bytes === 0) return resolve({ seconds: 0, bytes: 0 })
        if (withdrawn.aborted) return reject(withdrawn.reason)
        share()
        const [sinceSeconds, sinceBytes] = [timeline.clock.now() / 1000, movedBytes[way]]
        const transfer = {
          sinceSeconds,
          leftBytes: bytes,
          done() {
            withdrawn.removeEventListener('abort', stop)
            resolve({ seconds: timeline.clock.now() / 1000 - sinceSeconds, bytes: movedBytes[way] - sinceBytes })
          },
        }
        const stop = (): void => {
          share()
          remove(transfer)
          plan()
          reject(withdrawn.reason)
        }
        withdrawn.addEventListener('abort', stop, { once: true })
        insert(way, transfer)
        plan()
      }),
  }
}

interface Timeline {
  readonly clock: Clock
  /** The function that is returned takes it back. */
  after(seconds: number, body: () => void): () => void
  /** Rejects when it is withdrawn. */
  wait(seconds: number, withdrawn: AbortSignal): Promise<void>
  /** Goes on to the next event; false when there is none. */
  next(): boolean
}

interface TimelineEvent {
  readonly atMs: number
  readonly order: number
  body: (() => void) | undefined
}

function createTimeline(): Timeline {
  /** A heap, the soonest first. */
  const events: TimelineEvent[] = []
  let nowMs = 0
  let made = 0

  function isBefore(a: TimelineEvent | undefined, b: TimelineEvent | undefined): boolean {
    if (a === undefined || b === undefined) return a !== undefined
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
  }

  function swap(a: number, b: number): void {
    const [first, second] = [events[a], events[b]]
    if (first === undefined || second === undefined) return
    events[a] = second
    events[b] = first
  }

  function pop(): TimelineEvent | undefined {
    swap(0, events.length - 1)
    const event = events.pop()
    for (let at = 0; ; ) {
      const child = isBefore(events[2 * at + 2], events[2 * at + 1]) ? 2 * at + 2 : 2 * at + 1
      if (!isBefore(events[child], events[at])) return event
      swap(at, child)
      at = child
    }
  }

  function after(seconds: number, body: () => void): () => void {
    const event: TimelineEvent = { atMs: nowMs + seconds * 1000, order: made, body }
    made += 1
    let at = events.push(event) - 1
    for (; at > 0 && isBefore(events[at], events[(at - 1) >> 1]); at = (at - 1) >> 1) swap(at, (at - 1) >> 1)
    return () => {
      event.body = undefined
    }
  }

  return {
    after,
    wait: (seconds, withdrawn) =>
      new Promise((resolve, reject) => {
        if (withdrawn.aborted) return reject(withdrawn.reason)
        const stop = (): void => {
          forget()
          reject(withdrawn.reason)
        }
        const forget = after(seconds, () => {
          withdrawn.removeEventListener('abort', stop)
          resolve()
        })
        withdrawn.addEventListener('abort', stop, { once: true })
      }),
    clock: { now: () => nowMs, sleep: (ms) => new Promise((wake) => void after(ms / 1000, wake)) },
    next() {
      for (let event = pop(); event !== undefined; event = pop()) {
        if (event.body === undefined) continue
        nowMs = event.atMs
        event.body()
        return true
      }
      return false
    },
  }
}
