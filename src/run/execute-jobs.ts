/**
 * Planned jobs → outcomes: hosts are opened side by side, the scheduler places what waits, each state goes into the ledger
 * before it is acted on, and everything that was opened is closed before it returns.
 */

import { createProgramShell } from '../core/program-shell.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { HostConfig } from '../model/config.ts'
import type { Emit } from '../model/events.ts'
import type { JobOutcome } from '../model/outcome.ts'
import type { JobPlan } from '../model/plan.ts'
import type { Ffprobe } from '../plan/ffprobe.ts'
import { createScheduler } from '../scheduler/scheduler.ts'
import type { StrategyName } from '../scheduler/strategy.ts'
import type { WorkerSpec } from '../scheduler/worker.ts'
import { createHostAttempts } from './attempts/host-attempts.ts'
import { createOpenAttempts } from './attempts/open-attempts.ts'
import { createPrefetch } from './attempts/prefetch.ts'
import { recordOutcome } from './attempts/record-outcome.ts'
import { followConfig, type HostReload } from './hosts/follow-config.ts'
import { heedRequests } from './hosts/heed-requests.ts'
import { createHostHealth } from './hosts/host-health.ts'
import { createHostKnowledge } from './hosts/host-knowledge.ts'
import { createHostRoster, type PlacedHost } from './hosts/host-roster.ts'
import type { HostSession } from './hosts/host-session.ts'
import { createMountedCheck } from './hosts/mounted-check.ts'
import { pollLoads } from './hosts/poll-loads.ts'
import { createSessionOpener } from './hosts/session-opener.ts'
import type { Intake } from './intake/intake.ts'
import type { RunWorld } from './run-request.ts'
import { createRunSpace } from './space/run-space.ts'
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
  /** Failures in a row that set a host aside; 0 = never, undefined = as by default. */
  readonly maxFailures: number | undefined
  readonly flsPath: string | undefined
  /** Bytes a second of all hosts together. */
  readonly rateLimitBytes: number | undefined
  /** What jobs leave free on each disk; a host may say otherwise of its own. */
  readonly minFreeBytes: number
  /** Jobs known at the start. */
  readonly plans: readonly JobPlan[]
  readonly announce: (plans: readonly JobPlan[]) => void
  readonly intake: Intake
  /** What hosts a configuration that is read again gives this run; undefined = it stays with those that it has. */
  readonly reload: HostReload | undefined
}

export interface Execution {
  /** There were jobs, and no host of any cluster was ever usable. */
  readonly hadNoHost: boolean
  /** What ended it early: a ledger that cannot be written, or a bug. What was not done by then is told by no event. */
  readonly failure: unknown
  /** It was told to start nothing more; `left` jobs are still queued. */
  readonly drained: { readonly left: number } | undefined
}

const DRAINING = 'Draining: the jobs under way are finished, no other one is started; "encode resume" goes on with those'

/** Enough to tell whether jobs are short; hundreds of hosts ask. */
const FORETOLD_JOBS = 100

export async function executeJobs(options: ExecuteOptions): Promise<Execution> {
  const { world, emit, ledger } = options
  const { clock } = world
  const breaking = new AbortController()
  /** Aborted, too, when states can no longer be written down: nothing may be done that a later run would not know of. */
  const signal = AbortSignal.any([world.signal, breaking.signal])
  const attempts = createOpenAttempts(ledger, emit, signal)
  const prefetch = createPrefetch()
  const firstTickets = options.plans.slice(0, FORETOLD_JOBS).map(toTicket)
  const settling = new Set<Promise<void>>()
  const over = new AbortController()
  const stopping = new AbortController()
  const draining = AbortSignal.any([stopping.signal, ...(world.draining === undefined ? [] : [world.draining])])
  /** Jobs handed over and not settled. */
  let outstanding = 0
  let handedOver = 0
  let adding = Promise.resolve()
  const knowledge = createHostKnowledge({
    ledger,
    clock,
    signal,
    strategy: options.strategy,
    orBreak,
    scheduler: () => ({
      seedTrials: scheduler.seedTrials,
      seed(known, links) {
        prefetch.expect(known, firstTickets)
        scheduler.seed(known, links)
      },
    }),
    countHosts: (wanted) => roster.list().filter(({ cluster }) => cluster === wanted).length,
  })
  knowledge.want(options.plans)

  const checkHost = createMountedCheck([...options.plans, ...(options.intake.unplanned?.samples ?? [])])
  const space = createRunSpace({
    runId: options.runId,
    ledger,
    openHost: (worker) => roster.current(worker),
    flsPath: options.flsPath,
    minFreeBytes: options.minFreeBytes,
    clock,
    signal: AbortSignal.any([signal, over.signal]),
    emit,
    wake: () => scheduler.wake(),
  })

  const scheduler = createScheduler<Ticket>({
    strategy: options.strategy,
    ...(options.maxRunning === undefined ? {} : { maxRunning: options.maxRunning }),
    clock,
    signal,
    draining,
    maxFailures: options.maxFailures,
    ...createHostHealth({ openHost: (worker) => roster.current(worker), checkHost, emit, signal }),
    room: {
      look: (ticket, worker) => space.look(ticket.plan, worker),
      onLack: (ticket, lacks) => space.onLack(ticket.plan, lacks),
      mayCome: space.mayCome,
    },
    ahead: (worker) => prefetch.ahead(worker, roster.config(worker)),
    async runJob(ticket, worker, attempt) {
      const reservation = space.reserve(ticket.plan, worker)
      const own = { jobId: ticket.id, number: attempt.number, host: worker.name }
      attempts.begin(own)
      const outcome = await onHosts
        .run(withForm(ticket.plan, attempt.form), worker, attempt, reservation)
        .catch((error: unknown): JobOutcome => {
          breakOff(error)
          return { kind: 'interrupted' }
        })
      reservation.release()
      attempts.end(own, outcome)
      prefetch.learn(worker, outcome)
      return outcome
    },
    onRetry: putBack,
    onWithdrawn: putBack,
    onSettled: (ticket, outcome, worker) => {
      orBreak(() => {
        const told =
          outcome.kind === 'failed' && worker === undefined
            ? { ...outcome, reason: withHostFailures(ticket.plan, outcome.reason) }
            : outcome
        recordOutcome({ plan: ticket.plan, outcome: told, hostName: worker?.name }, ledger, emit)
        ledger.releaseSource(options.runId, ticket.plan.source.path)
      })
      attempts.forget(ticket.id)
      space.settle(ticket.plan, outcome)
      outstanding -= 1
      const settled = options.intake.settle(ticket.plan, outcome.kind !== 'failed').finally(() => settling.delete(settled))
      settling.add(settled)
    },
    onLost: (worker, reason) => roster.session(worker)?.reportLost(reason, onHosts.lastLost(worker)),
    onSpeed: knowledge.remember,
    onLowered({ name }, queue, slots, reason) {
      const message = `Host "${name}" gets ${slots} ${slots === 1 ? 'slot' : 'slots'} in queue "${queue}" for the rest of this run: ${reason}`
      emit('warning', { message: `${message}. Set "queues: {${queue}: ${slots}}" there to have it so from the start` })
    },
  })

  const openSession = createSessionOpener({ runId: options.runId, world, emit, ledger, signal, checkHost, knowledge, space })
  const roster = createHostRoster({ open: openSession, toSpec: knowledge.toSpec, foresee: knowledge.foresee, scheduler, emit })
  await using programs = createProgramShell()
  const onHosts = createHostAttempts({
    ...{ ...options, roster, abilities: knowledge, programs, signal },
    onEncode(worker) {
      // Once the command is on its way.
      if (prefetch.begin(worker)) setImmediate(scheduler.wake)
    },
  })
  const isOver = AbortSignal.any([signal, over.signal])
  draining.addEventListener('abort', () => emit('warning', { message: DRAINING, momentary: true }), { once: true })
  if (draining.aborted) emit('warning', { message: DRAINING, momentary: true })
  else roster.add(toUsedHosts())
  add(options.plans)
  const feeding = feed()
    .catch((error: unknown) => {
      if (error !== draining.reason) breakOff(error)
    })
    .finally(async () => {
      await adding
      scheduler.seal()
    })
  const polling =
    options.strategy === 'load-cpu'
      ? pollLoads({ sessions: roster.sessions, setLoad: scheduler.setLoad, clock, signal: over.signal })
      : undefined
  const heeding = heedRequests({
    ledger,
    runId: options.runId,
    roster,
    drainRun: () => stopping.abort(),
    clock,
    signal: isOver,
  })
  const following = followConfig({
    reload: options.reload,
    source: world.configSource,
    clock,
    roster,
    emit,
    signal: AbortSignal.any([isOver, draining]),
  })

  await scheduler.drained
  over.abort()
  await roster.close()
  await Promise.all([polling, heeding, following, ...settling])
  await feeding
  return {
    hadNoHost: handedOver > 0 && roster.hadNone,
    drained: draining.aborted ? { left: outstanding } : undefined,
    failure: breaking.signal.reason,
  }

  function breakOff(error: unknown): void {
    if (!signal.aborted) breaking.abort(error)
  }

  function putBack({ id }: Ticket, { name }: WorkerSpec, reason: string): void {
    orBreak(() => attempts.putBack(id, name, reason))
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
    const isNew = knowledge.want(plans)
    adding = adding.then(async () => {
      if (isNew) await Promise.all([...roster.sessions.values()].map(learnAgain))
      scheduler.add(plans.map(toTicket))
    })
  }

  async function learnAgain(session: HostSession): Promise<void> {
    const open = session.current()
    if (open === undefined) return
    // A host that is lost meanwhile is noticed by whoever needs it.
    await knowledge.learn(session.cluster, open.host, open.facts).catch(() => {})
    roster.weigh({ cluster: session.cluster, name: session.config.name })
  }

  async function feed(): Promise<void> {
    await options.intake.feed?.({
      emit,
      signal: AbortSignal.any([signal, draining]),
      ending: signal,
      isIdle: () => outstanding === 0,
      add(plans) {
        options.announce(plans)
        addLater(plans)
      },
    })
  }

  /** Clusters without a job are left alone, but where jobs may turn up later. */
  function toUsedHosts(): readonly PlacedHost[] {
    const usedClusters = new Set(options.plans.map((plan) => plan.cluster))
    const clusters = [...options.hosts].filter(([cluster]) => usedClusters.has(cluster) || options.intake.feed !== undefined)
    return clusters.flatMap(([cluster, configs]) => configs.map((config) => ({ cluster, config })))
  }

  /** A job that no host could take: why each of them could not. */
  function withHostFailures(plan: JobPlan, reason: string): string {
    const failures = roster.describeAbsent(plan.cluster)
    return failures.length === 0 ? reason : `${reason} (${failures.join('; ')})`
  }
}
