/**
 * How a host is chosen among those with a free slot. A strategy only ranks; the slot is reserved at once by the scheduler,
 * so a burst never lands on one worker because its load report is old.
 */

import type { ScheduledJob } from './job-form.ts'
import type { Speeds } from './speeds.ts'
import { countRunning, countSlots, type Worker } from './worker.ts'

export const STRATEGY_NAMES = ['fastest', 'round-robin', 'load-cpu', 'load-tasks'] as const
export type StrategyName = (typeof STRATEGY_NAMES)[number]

export type Placement = Pick<ScheduledJob, 'profile' | 'work' | 'sizeClass' | 'transferBytes'>

/** Chooses one of `free`, which is never empty; of hosts that it finds equal it takes the first. */
export type Strategy = (free: readonly [Worker, ...Worker[]], job: Placement) => Worker

export function createStrategy(name: StrategyName, speeds: Speeds): Strategy {
  switch (name) {
    case 'fastest':
      return (free, job) => leastBy(free, (worker) => expectedSeconds(worker, job, speeds))
    case 'round-robin':
      return createRoundRobin()
    case 'load-cpu':
      // Jobs placed since the last report count as one busy core each would be a guess about the host; one slot's share is not.
      return (free) => leastBy(free, (worker) => worker.cpuRatio + countRunning(worker) / Math.max(1, countAllSlots(worker)))
    case 'load-tasks':
      return (free) => leastBy(free, countRunning)
  }
}

/** Where nothing is known of any host, they get as many jobs each. */
function expectedSeconds(worker: Worker, job: Placement, speeds: Speeds): number {
  return speeds.estimateSeconds(worker.spec, job, countRunning(worker) + 1) ?? countRunning(worker) * Number.MIN_VALUE
}

function createRoundRobin(): Strategy {
  const lastTurn = new Map<Worker, number>()
  let turn = 0
  return (free) => {
    const chosen = leastBy(free, (worker) => lastTurn.get(worker) ?? 0)
    turn += 1
    lastTurn.set(chosen, turn)
    return chosen
  }
}

function countAllSlots(worker: Worker): number {
  const slots = Object.keys(worker.spec.queues ?? {}).reduce((sum, queue) => sum + countSlots(worker, queue), 0)
  return Math.min(slots, worker.spec.maxJobs ?? slots)
}

/** The first of the least ones. */
function leastBy(workers: readonly [Worker, ...Worker[]], rank: (worker: Worker) => number): Worker {
  let [least] = workers
  let leastRank = rank(least)
  for (const worker of workers.slice(1)) {
    const workerRank = rank(worker)
    if (workerRank < leastRank) {
      least = worker
      leastRank = workerRank
    }
  }
  return least
}
