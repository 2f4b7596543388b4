/** What the hosts of a run can do: learned when a host comes up, when jobs turn up that name more encoders, and when one fails. */

import type { Host, HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'
import type { EncoderNeed } from '../../model/encoder.ts'
import type { JobPlan } from '../../model/plan.ts'
import { listEncoders } from '../../profile/list-encoders.ts'
import { findFit } from '../../scheduler/find-fit.ts'
import type { TriedSpeed } from '../../scheduler/speeds.ts'
import { createWorker, type WorkerSpec } from '../../scheduler/worker.ts'
import { toTicket } from '../to-ticket.ts'
import { type TrialMemory, type TrialResults, tryEncoders } from './encoder-trials.ts'
import { collectWanted, toNeeds, type WantedCollector } from './wanted-encoders.ts'
import { type HostAbilities, toWorkerSpec } from './worker-spec.ts'

export interface Abilities {
  /** Jobs whose encoders matter from now on. Where it says true, hosts that were learned of before must be learned of again. */
  want(plans: readonly JobPlan[]): boolean
  /** Tries what is wanted and not known. Rejects with HOST_LOST and the like. */
  learn(cluster: string, host: Host, facts: HostFacts): Promise<void>
  /** Tries the hardware encoders of a job that failed once more; what fails now counts as failing. */
  doubt(host: Host, facts: HostFacts, plan: JobPlan): Promise<void>
  toSpec(cluster: string, config: HostConfig): WorkerSpec
  /** How fast the encoder of each profile was when it was tried there. */
  listTried(cluster: string, config: HostConfig): readonly TriedSpeed[]
}

export interface AbilitiesOptions {
  readonly memory: TrialMemory
  readonly now: () => number
  readonly signal: AbortSignal
  /** Whether there is a choice of hosts, so that it matters how fast they are; undefined = never. */
  readonly wantsSpeeds?: (cluster: string) => boolean
}

export function createAbilities({ wantsSpeeds = () => false, ...options }: AbilitiesOptions): Abilities {
  /** By cluster. */
  const wanted = new Map<string, WantedCollector>()
  const known = new Map<string, HostAbilities>()

  function wantedIn(cluster: string): WantedCollector {
    const collector = wanted.get(cluster) ?? collectWanted()
    wanted.set(cluster, collector)
    return collector
  }

  return {
    want(plans) {
      return plans.filter((plan) => wantedIn(plan.cluster).add(plan)).length > 0
    },
    async learn(cluster, host, facts) {
      const wanted = wantedIn(cluster)
      const listNeeds = (): readonly EncoderNeed[] => toNeeds(wanted, host.config, facts, wantsSpeeds(cluster))
      let needs: readonly EncoderNeed[]
      let trials: TrialResults
      // Jobs that turn up meanwhile may want more.
      do {
        needs = listNeeds()
        trials = await tryEncoders(host, facts, needs, options)
      } while (listNeeds().length > needs.length)
      const earlier = known.get(keyOf(cluster, host.config))?.trials ?? []
      // What a job showed to fail does not work again because a ledger says so.
      known.set(keyOf(cluster, host.config), { facts, trials: new Map([...trials, ...earlier]) })
    },
    async doubt(host, facts, plan) {
      const needs = listEncoders(plan.arguments)
      const trials = await tryEncoders(host, facts, needs, { ...options, isFresh: true })
      const key = keyOf(plan.cluster, host.config)
      known.set(key, { facts, trials: new Map([...(known.get(key)?.trials ?? []), ...trials]) })
    },
    toSpec,
    listTried(cluster, config) {
      const trials = known.get(keyOf(cluster, config))?.trials
      const worker = createWorker(toSpec(cluster, config))
      return wantedIn(cluster).samples.flatMap((sample) => {
        const needs = findFit(worker, toTicket(sample))?.form.needs ?? []
        // The picture's encoder is the only one that was measured.
        const [workPerSecond] = needs.flatMap((need) => trials?.get(need)?.pointsPerSecond ?? [])
        return workPerSecond === undefined ? [] : [{ cluster, name: config.name, profile: sample.profile.name, workPerSecond }]
      })
    },
  }

  function toSpec(cluster: string, config: HostConfig): WorkerSpec {
    return toWorkerSpec(cluster, config, known.get(keyOf(cluster, config)))
  }
}

function keyOf(cluster: string, { name }: HostConfig): string {
  return JSON.stringify([cluster, name])
}
