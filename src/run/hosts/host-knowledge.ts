/**
 * What a run knows of its hosts: what each can do and how fast it is. Told by trials, by what the ledger remembers, and by that alone of
 * hosts that are not up yet.
 */

import type { Clock } from '../../core/clock.ts'
import type { Host, HostFacts } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Coming } from '../../scheduler/coming.ts'
import type { Scheduler } from '../../scheduler/scheduler.ts'
import type { LearnedSpeed } from '../../scheduler/speeds.ts'
import type { StrategyName } from '../../scheduler/strategy.ts'
import { type Abilities, createAbilities } from '../encoders/abilities.ts'
import type { Ticket } from '../to-ticket.ts'
import { createSpeedMemory } from './speed-memory.ts'

export interface HostKnowledge extends Abilities {
  /** What it can do is known once this resolves, and the scheduler how fast it is. */
  learn(cluster: string, host: Host, facts: HostFacts): Promise<void>
  /** Of a host that is to be opened now; undefined where nothing is known that is worth waiting for it. */
  foresee(cluster: string, config: HostConfig): Coming | undefined
  remember(learned: LearnedSpeed): void
}

export interface HostKnowledgeOptions {
  readonly ledger: Pick<Ledger, 'recallTrials' | 'rememberTrials' | 'recallSpeeds' | 'recallLately' | 'rememberSpeed'>
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  readonly strategy: StrategyName
  readonly scheduler: () => Pick<Scheduler<Ticket>, 'seed' | 'seedTrials'>
  /** Hosts of the cluster. */
  readonly countHosts: (cluster: string) => number
  /** Where speeds cannot be read or written, the run ends. */
  readonly orBreak: (body: () => void) => void
}

export function createHostKnowledge({ ledger, strategy, scheduler, orBreak, ...options }: HostKnowledgeOptions): HostKnowledge {
  // Other strategies neither ask how fast a host is nor wait for any.
  const isFastest = strategy === 'fastest'
  const speeds = createSpeedMemory(ledger, (known, links) => scheduler().seed(known, links))
  const abilities = createAbilities({
    memory: ledger,
    now: () => options.clock.now(),
    signal: options.signal,
    wantsSpeeds: (cluster) => isFastest && options.countHosts(cluster) > 1,
  })

  return {
    ...abilities,
    async learn(cluster, host, facts) {
      await abilities.learn(cluster, host, facts)
      orBreak(() => speeds.recall(cluster, host.config, facts))
      scheduler().seedTrials(abilities.listTried(cluster, host.config))
    },
    foresee(cluster, config) {
      let coming: Coming | undefined
      if (isFastest) {
        orBreak(() => {
          coming = speeds.recallLately(cluster, config)
        })
      }
      return coming
    },
    remember: (learned) => orBreak(() => speeds.remember(learned)),
  }
}
