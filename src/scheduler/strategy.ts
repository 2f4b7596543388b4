/**
 * How a host is chosen among those with a free slot. A strategy only ranks; the slot is reserved at once by the scheduler,
 * so a burst never lands on one worker because its load report is old.
 */

import type { ScheduledJob } from './job-form.ts'
import type { Candidate } from './rank-candidates.ts'
import type { TimedJob } from './timetable.ts'
import { countRunning, countSlots, type Worker } from './worker.ts'

export const STRATEGY_NAMES = ['fastest', 'round-robin', 'load-cpu', 'load-tasks'] as const
export type StrategyName = (typeof STRATEGY_NAMES)[number]

export type Placement = TimedJob & Pick<ScheduledJob, 'profile'>

/** Chooses one of `free`, which is never empty; of those that it finds equal it takes the first. */
export type Strategy = (free: readonly [Candidate, ...Candidate[]], job: Placement) => Candidate

/** When a job would be over that is placed there now, in seconds; undefined where nothing is known. */
export type Forecast = (place: Candidate, job: Placement) => number | undefined

export function createStrategy(name: StrategyName, forecast: Forecast): Strategy {
  switch (name) {
    case 'fastest':
      return (free, job) => leastBy(free, (place) => expectedSeconds(place, job, forecast))
    case 'round-robin':
      return createRoundRobin()
    case 'load-cpu':
      // Jobs placed since the last report count as one busy core each would be a guess about the host; one slot's share is not.
      return (free) => leastBy(free, ({ worker }) => worker.cpuRatio + countRunning(worker) / Math.max(1, countAllSlots(worker)))
    case 'load-tasks':
      return (free) => leastBy(free, ({ worker }) => countRunning(worker))
  }
}

/** Where nothing is known of any host, they get as many jobs each. */
function expectedSeconds(place: Candidate, job: Placement, forecast: Forecast): number {
  return forecast(place, job) ?? countRunning(place.worker) * Number.MIN_VALUE
}

function createRoundRobin(): Strategy {
  const lastTurn = new Map<Worker, number>()
  let turn = 0
  return (free) => {
    const chosen = leastBy(free, ({ worker }) => lastTurn.get(worker) ?? 0)
    turn += 1
    lastTurn.set(chosen.worker, turn)
    return chosen
  }
}

function countAllSlots(worker: Worker): number {
  const slots = Object.keys(worker.spec.queues ?? {}).reduce((sum, queue) => sum + countSlots(worker, queue), 0)
  return Math.min(slots, worker.spec.maxJobs ?? slots)
}

/** The first of the least ones. */
function leastBy(places: readonly [Candidate, ...Candidate[]], rank: (place: Candidate) => number): Candidate {
  let [least] = places
  let leastRank = rank(least)
  for (const place of places.slice(1)) {
    const placeRank = rank(place)
    if (placeRank < leastRank) {
      least = place
      leastRank = placeRank
    }
  }
  return least
}
