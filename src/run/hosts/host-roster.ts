/**
 * The hosts of one run. They may come and go while it works: one that is added joins in, one that must leave gets no new job,
 * finishes what it has and is closed then.
 */

import type { HostConfig } from '../../model/config.ts'
import type { Emit } from '../../model/events.ts'
import type { Coming } from '../../scheduler/coming.ts'
import type { Scheduler } from '../../scheduler/scheduler.ts'
import type { Worker, WorkerSpec } from '../../scheduler/worker.ts'
import type { Ticket } from '../to-ticket.ts'
import type { HostSession, OpenHost } from './host-session.ts'

export type HostPlace = Pick<WorkerSpec, 'cluster' | 'name'>

export interface PlacedHost {
  readonly cluster: string
  readonly config: HostConfig
}

export interface NewHost extends PlacedHost {
  readonly setState: (state: Worker['state']) => void
}

export interface HostRosterOptions {
  readonly open: (host: NewHost) => HostSession
  /** What the scheduler weighs, by what is known of the host. */
  readonly toSpec: (cluster: string, config: HostConfig) => WorkerSpec
  /** What is known of a host before it is opened; undefined where that is not worth waiting for it. */
  readonly foresee?: (cluster: string, config: HostConfig) => Coming | undefined
  readonly scheduler: Pick<Scheduler<Ticket>, 'expectWorker' | 'setWorker' | 'changeWorker'>
  readonly emit: Emit
}

export interface HostRoster {
  /** By `keyOfHost`; hosts that are leaving are still among them. */
  readonly sessions: ReadonlyMap<string, HostSession>
  /** Announces hosts to the scheduler, all of them before the first is opened. One that is still leaving stays, or comes again. */
  add(hosts: readonly PlacedHost[]): void
  /** Slots, labels and profiles of a host that stays as it is. */
  change(cluster: string, config: HostConfig): void
  /** A host that is to be reached in another way: it finishes what it has first. */
  reopen(cluster: string, config: HostConfig): void
  /** No new job; closed when it has none any more. False where there is no such host, or it is leaving already. */
  drain(place: HostPlace, reason: string): boolean
  /** Hosts that are not leaving. */
  list(): readonly HostPlace[]
  /** How many jobs it has. */
  countJobs(place: HostPlace): number
  session(place: HostPlace): HostSession | undefined
  /** As it is by now. */
  config(place: HostPlace): HostConfig | undefined
  current(place: HostPlace): OpenHost | undefined
  /** Weighs it anew by what is known of it now. */
  weigh(place: HostPlace): void
  /** It is not closed before the work has ended. */
  during<Result>(place: HostPlace, work: () => Promise<Result>): Promise<Result>
  /** Why hosts of a cluster cannot be used: those that could not be opened, and those that have left. */
  describeAbsent(cluster: string): readonly string[]
  /** None that was ever here could be opened. */
  readonly hadNone: boolean
  /** Never rejects. */
  close(): Promise<void>
}

interface Member {
  readonly cluster: string
  config: HostConfig
  readonly session: HostSession
  state: Worker['state']
  jobs: number
  leaving: Leaving | undefined
}

interface Leaving {
  readonly reason: string
  /** How it is to be opened again once it is closed. */
  next: HostConfig | undefined
}

export function createHostRoster(options: HostRosterOptions): HostRoster {
  const { scheduler, emit, toSpec } = options
  const members = new Map<string, Member>()
  const sessions = new Map<string, HostSession>()
  /** Key → why it is gone. */
  const left = new Map<string, { readonly place: HostPlace; readonly reason: string; readonly hadFailed: boolean }>()
  const closing = new Set<Promise<void>>()
  let wasAnyUp = false
  let isClosed = false

  return {
    sessions,
    add(hosts) {
      const fresh = hosts.filter(({ cluster, config }) => !isClosed && !comeBack(cluster, config))
      for (const { cluster, config } of fresh) scheduler.expectWorker(toSpec(cluster, config), options.foresee?.(cluster, config))
      for (const { cluster, config } of fresh) open(cluster, config)
    },
    change(cluster, config) {
      const member = find({ cluster, name: config.name })
      if (member === undefined) return
      member.config = config
      if (member.leaving?.next !== undefined) member.leaving.next = config
      scheduler.changeWorker(toSpec(cluster, config))
    },
    reopen(cluster, config) {
      const member = find({ cluster, name: config.name })
      if (member === undefined || isClosed) return
      if (member.leaving !== undefined) {
        // A host that was drained on request does not come again because its address has changed.
        if (member.leaving.next !== undefined) member.leaving.next = config
        return
      }
      leave(member, { reason: 'Its settings have changed', next: config })
    },
    drain(place, reason) {
      const member = find(place)
      if (member === undefined) return false
      if (member.leaving === undefined) {
        leave(member, { reason, next: undefined })
        return true
      }
      if (member.leaving.next === undefined) return false
      member.leaving = { reason, next: undefined }
      scheduler.setWorker(toSpec(member.cluster, member.config), 'gone')
      return true
    },
    list: () => [...members.values()].filter((member) => !isLeaving(member)).map(({ cluster, config: { name } }) => ({ cluster, name })),
    countJobs: (place) => find(place)?.jobs ?? 0,
    session: (place) => find(place)?.session,
    config: (place) => find(place)?.config,
    current: (place) => find(place)?.session.current(),
    weigh(place) {
      const member = find(place)
      if (member !== undefined) scheduler.changeWorker(toSpec(member.cluster, member.config))
    },
    async during(place, work) {
      const member = find(place)
      if (member === undefined) return await work()
      member.jobs += 1
      try {
        return await work()
      } finally {
        member.jobs -= 1
        closeIfIdle(member)
      }
    },
    describeAbsent(cluster) {
      const failed = [...members.values()].flatMap(({ cluster: own, config, session: { failure } }) =>
        own === cluster && failure !== undefined ? [`${config.name}: ${failure.message}`] : [],
      )
      const gone = [...members.values()].flatMap(({ cluster: own, config, leaving }) =>
        own === cluster && leaving !== undefined && leaving.next === undefined ? [`${config.name}: ${leaving.reason}`] : [],
      )
      const before = [...left.values()].flatMap(({ place, reason }) => (place.cluster === cluster ? [`${place.name}: ${reason}`] : []))
      return [...failed, ...gone, ...before]
    },
    get hadNone() {
      if (wasAnyUp || [...left.values()].some(({ hadFailed }) => !hadFailed)) return false
      return [...members.values()].every(({ session }) => !session.wasUp && session.failure !== undefined)
    },
    async close() {
      isClosed = true
      await Promise.all([...members.values()].map(({ session }) => session.close()))
      await Promise.all(closing)
    },
  }

  function find(place: HostPlace): Member | undefined {
    return members.get(keyOfHost(place))
  }

  function open(cluster: string, config: HostConfig): void {
    const key = keyOfHost({ cluster, name: config.name })
    left.delete(key)
    const setState = (state: Worker['state']): void => {
      const member = members.get(key)
      if (member !== undefined) member.state = state
      // What is leaving may be lost and found meanwhile; it gets no job all the same.
      if (member?.leaving === undefined) scheduler.setWorker(toSpec(cluster, member?.config ?? config), state)
    }
    const session = options.open({ cluster, config, setState })
    members.set(key, { cluster, config, session, state: 'expected', jobs: 0, leaving: undefined })
    sessions.set(key, session)
  }

  /** It was about to leave and is wanted again: at once where it is still open and to be reached as before. */
  function comeBack(cluster: string, config: HostConfig): boolean {
    const member = find({ cluster, name: config.name })
    if (member?.leaving === undefined) return member !== undefined
    if (member.jobs > 0 && isReachedAlike(member.config, config)) {
      member.leaving = undefined
      member.config = config
      scheduler.setWorker(toSpec(cluster, config), member.state)
    } else {
      member.leaving.next = config
      scheduler.setWorker(toSpec(cluster, config), 'expected')
    }
    return true
  }

  function leave(member: Member, leaving: Leaving): void {
    const { cluster, config, jobs } = member
    member.leaving = leaving
    scheduler.setWorker(toSpec(cluster, config), leaving.next === undefined ? 'gone' : 'expected')
    if (jobs > 0) emit('host.draining', { cluster, host: config.name, reason: leaving.reason, jobs })
    closeIfIdle(member)
  }

  function closeIfIdle(member: Member): void {
    if (member.leaving === undefined || member.jobs > 0 || isClosed) return
    const closed = closeAndGo(member).finally(() => closing.delete(closed))
    closing.add(closed)
  }

  async function closeAndGo(member: Member): Promise<void> {
    const { cluster, config, session } = member
    await session.close()
    wasAnyUp ||= session.wasUp
    const key = keyOfHost({ cluster, name: config.name })
    if (isClosed || member.leaving === undefined) return
    members.delete(key)
    sessions.delete(key)
    const { reason, next } = member.leaving
    emit('host.down', { cluster, host: config.name, reason })
    if (next === undefined) {
      left.set(key, { place: { cluster, name: config.name }, reason, hadFailed: session.failure !== undefined })
      return
    }
    scheduler.expectWorker(toSpec(cluster, next))
    open(cluster, next)
  }
}

export function keyOfHost({ cluster, name }: HostPlace): string {
  return JSON.stringify([cluster, name])
}

/** Keys that take effect at once; a change of any other means that the host is opened anew. */
const LIVE_KEYS: ReadonlySet<string> = new Set(['queues', 'maxJobs', 'prefetch', 'labels', 'profiles', 'isEnabled', 'place'])

/** Whether a host that is open may go on under the other settings. */
export function isReachedAlike(one: HostConfig, other: HostConfig): boolean {
  return toLasting(one) === toLasting(other)
}

function toLasting(config: HostConfig): string {
  const lasting = Object.entries(config).filter(([key, value]) => !LIVE_KEYS.has(key) && value !== undefined)
  return JSON.stringify(lasting.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isLeaving({ leaving }: Member): boolean {
  return leaving !== undefined && leaving.next === undefined
}
