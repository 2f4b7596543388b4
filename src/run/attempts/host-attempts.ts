/** Attempts at jobs on whichever connection their host has at the time, and what all attempts of a run share: the line, and what was found out. */

import type { JobOutcome } from '../../model/outcome.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { Attempt } from '../../scheduler/attempt.ts'
import type { WorkerSpec } from '../../scheduler/worker.ts'
import { createArrivalMemory } from '../../transfer/arrival-memory.ts'
import { createUplink } from '../../transfer/uplink/uplink.ts'
import type { Abilities } from '../encoders/abilities.ts'
import { type HostRoster, keyOfHost } from '../hosts/host-roster.ts'
import type { OpenHost } from '../hosts/host-session.ts'
import type { Reservation } from '../space/space-book.ts'
import { type AttemptWorld, attemptOnHost } from './attempt-on-host.ts'
import { createLinkMeter, type LinkMeter } from './link-meter.ts'
import { createTransferTurns } from './transfer-turns.ts'

export interface HostAttemptsOptions extends AttemptWorld {
  readonly roster: HostRoster
  readonly abilities: Abilities
  readonly rateLimitBytes: number | undefined
  /** An attempt there begins to encode. */
  readonly onEncode: (worker: WorkerSpec) => void
}

export interface HostAttempts {
  /** Rejects only when the ledger cannot be written. */
  run(plan: JobPlan, worker: WorkerSpec, attempt: Attempt, reservation: Reservation): Promise<JobOutcome>
  /** What the last job to lose the host had of it. */
  lastLost(worker: WorkerSpec): OpenHost | undefined
}

export function createHostAttempts({ roster, abilities, rateLimitBytes, onEncode, ...around }: HostAttemptsOptions): HostAttempts {
  const { world, signal } = around
  const arrivals = createArrivalMemory(world.onNote)
  const turns = createTransferTurns(createUplink({ bytesPerSecond: rateLimitBytes, clock: world.clock }), world.clock)
  const lostOpens = new Map<string, OpenHost>()
  const links = new Map<string, LinkMeter>()

  async function attemptJob(
    plan: JobPlan,
    worker: WorkerSpec,
    { number, isCopy, linkBytesPerSecond, pace, lease }: Attempt,
    reservation: Reservation,
  ): Promise<JobOutcome> {
    const session = roster.session(worker)
    let open = session?.current()
    if (session === undefined || open === undefined) {
      return { kind: 'failed', reason: `Host "${worker.name}" is gone`, log: null, retry: 'lost' }
    }
    const reconnect = async (lost: Pick<OpenHost, 'host'>, files: readonly string[]): Promise<OpenHost> => {
      open = await session.reconnect(lost, files, signal)
      return open
    }
    const outcome = await attemptOnHost({
      ...around,
      arrivals,
      plan,
      isCopy,
      open,
      reconnect,
      reservation,
      pace,
      lease,
      onEncode: () => onEncode(worker),
      attempt: number,
      cluster: worker.cluster,
      link: linkOf(worker),
      linkBytesPerSecond,
      turns: turns.begin({
        ...{ key: keyOfHost(worker), config: open.host.config, linkBytesPerSecond },
        ...{ sourceBytes: plan.source.sizeBytes, slot: lease },
      }),
    })
    if (outcome.kind === 'failed' && outcome.retry === 'lost') lostOpens.set(keyOfHost(worker), open)
    if (outcome.kind === 'failed' && outcome.retry === 'variant') await doubtEncoder(plan, worker)
    return outcome
  }

  function linkOf(worker: WorkerSpec): LinkMeter {
    const key = keyOfHost(worker)
    const link = links.get(key) ?? createLinkMeter(world.clock)
    links.set(key, link)
    return link
  }

  /** Was it this source, or does the encoder not work any more? If so, no other job need find it out. */
  async function doubtEncoder(plan: JobPlan, worker: WorkerSpec): Promise<void> {
    const open = roster.current(worker)
    if (open === undefined) return
    await abilities.doubt(open.host, open.facts, plan).catch(() => {})
    roster.weigh(worker)
  }

  return {
    run: (plan, worker, attempt, reservation) => roster.during(worker, () => attemptJob(plan, worker, attempt, reservation)),
    lastLost: (worker) => lostOpens.get(keyOfHost(worker)),
  }
}
