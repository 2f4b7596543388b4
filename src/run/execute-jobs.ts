/**
 * Planned jobs → outcomes: hosts are opened side by side, the scheduler places what waits, each state goes into the ledger
 * before it is acted on, and everything that was opened is closed before it returns.
 */

import type { Ledger } from '../ledger/ledger.ts'
import type { HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { JobOutcome } from '../model/outcome.ts'
import type { JobPlan } from '../model/plan.ts'
import type { Ffprobe } from '../plan/ffprobe.ts'
import { createScheduler } from '../scheduler/scheduler.ts'
import type { StrategyName } from '../scheduler/strategy.ts'
import type { WorkerSpec } from '../scheduler/worker.ts'
import { createAbilities } from './abilities.ts'
import { attemptOnHost } from './attempt-on-host.ts'
import { type HostSession, openHostSession } from './host-session.ts'
import type { Intake } from './intake.ts'
import { removeLeftOnHost } from './left-files.ts'
import { createMountedCheck } from './mounted-check.ts'
import { pollLoads } from './poll-loads.ts'
import { recordOutcome } from './record-outcome.ts'
import type { RunWorld } from './run-request.ts'
import { type Ticket, toTicket, withForm } from './to-ticket.ts'

export interface ExecuteOptions {
  readonly runId: string
  readonly world: RunWorld
  readonly emit: Emit
  readonly ledger: Ledger
  readonly ffprobe: Ffprobe
  readonly hosts: ReadonlyMap<string, readonly HostConfig[]>
  readonly strategy: StrategyName
  readonly maxRunning: number | undefined
  readonly flsPath: string | undefined
  /** Jobs known at the start. */
  readonly plans: readonly JobPlan[]
  readonly announce: (plans: readonly JobPlan[]) => void
  readonly intake: Intake
}

export interface Execution {
  /** There were jobs, and no host of any cluster was ever usable. */
  readonly hadNoHost: boolean
  /** What ended it early: a ledger that cannot be written, or a bug. What was not done by then is told by no event. */
  readonly failure: unknown
}

export async function executeJobs(options: ExecuteOptions): Promise<Execution> {
  const { world, emit, ledger } = options
  const { clock } = world
  const breaking = new AbortController()
  /** Aborted, too, when states can no longer be written down: nothing may be done that a later run would not know of. */
  const signal = AbortSignal.any([world.signal, breaking.signal])
  const sessions = new Map<string, HostSession>()
  const settling = new Set<Promise<void>>()
  const over = new AbortController()
  /** Jobs handed over and not settled. */
  let outstanding = 0
  let handedOver = 0
  let adding = Promise.resolve()
  const abilities = createAbilities({ memory: ledger, now: () => clock.now(), signal })
  abilities.want(options.plans)

  const scheduler = createScheduler<Ticket>({
    strategy: options.strategy,
    ...(options.maxRunning === undefined ? {} : { maxRunning: options.maxRunning }),
    clock,
    signal,
    runJob: (ticket, worker, attempt, form) =>
      attemptJob(withForm(ticket.plan, form), worker, attempt).catch((error: unknown) => {
        breakOff(error)
        return { kind: 'interrupted' }
      }),
    onRetry(ticket, worker, reason) {
      orBreak(() => ledger.setState(ticket.id, 'queued', { reason }))
      emit('job.retry', { job: ticket.id, host: worker.name, reason })
    },
    onSettled: (ticket, outcome, worker) => {
      orBreak(() => {
        const told =
          outcome.kind === 'failed' && worker === undefined
            ? { ...outcome, reason: withHostFailures(ticket.plan, outcome.reason) }
            : outcome
        recordOutcome({ plan: ticket.plan, outcome: told, hostName: worker?.name }, ledger, emit)
        ledger.releaseSource(options.runId, ticket.plan.source.path)
      })
      outstanding -= 1
      const settled = options.intake.settle(ticket.plan, outcome.kind !== 'failed').finally(() => settling.delete(settled))
      settling.add(settled)
    },
    onLost: (worker, reason) => sessions.get(keyOf(worker))?.reportLost(reason),
    onLowered({ name }, queue, slots, reason) {
      const message = `Host "${name}" gets ${slots} ${slots === 1 ? 'slot' : 'slots'} in queue "${queue}" for the rest of this run: ${reason}`
      emit('warning', { message: `${message}. Set "queues: {${queue}: ${slots}}" there to have it so from the start` })
    },
  })

  openSessions()
  add(options.plans)
  const feeding = feed()
    .catch(breakOff)
    .finally(async () => {
      await adding
      scheduler.seal()
    })
  const polling =
    options.strategy === 'load-cpu' ? pollLoads({ sessions, setLoad: scheduler.setLoad, clock, signal: over.signal }) : undefined

  await scheduler.drained
  over.abort()
  await Promise.all([...sessions.values()].map((session) => session.close()))
  await Promise.all([polling, ...settling])
  await feeding
  return {
    hadNoHost: handedOver > 0 && [...sessions.values()].every(({ wasUp, failure }) => !wasUp && failure !== undefined),
    failure: breaking.signal.reason,
  }

  function breakOff(error: unknown): void {
    if (!signal.aborted) breaking.abort(error)
  }

  function orBreak(body: () => void): void {
    try {
      body()
    } catch (error) {
      breakOff(error)
    }
  }

  function add(plans: readonly JobPlan[]): void {
    outstanding += plans.length
    handedOver += plans.length
    scheduler.add(plans.map(toTicket))
  }

  /** Jobs that turn up later may name encoders that nobody has tried yet. */
  function addLater(plans: readonly JobPlan[]): void {
    outstanding += plans.length
    handedOver += plans.length
    abilities.want(plans)
    adding = adding.then(async () => {
      await Promise.all([...sessions.values()].map(learnAgain))
      scheduler.add(plans.map(toTicket))
    })
  }

  async function learnAgain(session: HostSession): Promise<void> {
    const open = session.current()
    if (open === undefined) return
    // A host that is lost meanwhile is noticed by whoever needs it.
    await abilities.learn(session.cluster, open.host, open.facts).catch(() => {})
    scheduler.changeWorker(abilities.toSpec(session.cluster, session.config))
  }

  async function feed(): Promise<void> {
    await options.intake.feed?.({
      emit,
      signal,
      isIdle: () => outstanding === 0,
      add(plans) {
        options.announce(plans)
        addLater(plans)
      },
    })
  }

  function openSessions(): void {
    const checkHost = createMountedCheck(options.plans)
    const usedClusters = new Set(options.plans.map((plan) => plan.cluster))
    for (const [cluster, configs] of options.hosts) {
      if (!usedClusters.has(cluster) && options.intake.feed === undefined) continue
      for (const config of configs) scheduler.expectWorker(abilities.toSpec(cluster, config))
      for (const config of configs) sessions.set(keyOf({ cluster, name: config.name }), openSession(cluster, config, checkHost))
    }
  }

  function openSession(cluster: string, config: HostConfig, checkHost: ReturnType<typeof createMountedCheck>): HostSession {
    return openHostSession({
      cluster,
      config,
      createHost: world.createHost,
      emit,
      clock,
      signal,
      runId: options.runId,
      async checkHost(host) {
        await removeLeftOnHost(ledger, host, cluster)
        await checkHost(host, cluster)
      },
      learn: (host, facts) => abilities.learn(cluster, host, facts),
      setState: (state) => scheduler.setWorker(abilities.toSpec(cluster, config), state),
      onWorkFolder: (path, isThere) => {
        if (isThere) ledger.noteRunFile(options.runId, { cluster, host: config.name }, path)
        else ledger.forgetRunFile(options.runId, { cluster, host: config.name }, path)
      },
    })
  }

  async function attemptJob(plan: JobPlan, worker: WorkerSpec, attempt: number): Promise<JobOutcome> {
    const open = sessions.get(keyOf(worker))?.current()
    if (open === undefined) return { kind: 'failed', reason: `Host "${worker.name}" is gone`, log: null, retry: 'lost' }
    const outcome = await attemptOnHost({ ...options, plan, attempt, cluster: worker.cluster, open, signal })
    if (outcome.kind === 'failed' && outcome.retry === 'variant') await doubtEncoder(plan, worker)
    return outcome
  }

  /** Was it this source, or does the encoder not work any more? If so, no other job need find it out. */
  async function doubtEncoder(plan: JobPlan, worker: WorkerSpec): Promise<void> {
    const session = sessions.get(keyOf(worker))
    const open = session?.current()
    if (session === undefined || open === undefined) return
    await abilities.doubt(open.host, open.facts, plan).catch(() => {})
    scheduler.changeWorker(abilities.toSpec(session.cluster, session.config))
  }

  /** A job that no host could take: why each of them could not. */
  function withHostFailures(plan: JobPlan, reason: string): string {
    const failures = [...sessions.values()]
      .filter((session) => session.cluster === plan.cluster && session.failure !== undefined)
      .map((session) => `${session.config.name}: ${session.failure?.message}`)
    return failures.length === 0 ? reason : `${reason} (${failures.join('; ')})`
  }
}

function keyOf({ cluster, name }: { readonly cluster: string; readonly name: string }): string {
  return JSON.stringify([cluster, name])
}
