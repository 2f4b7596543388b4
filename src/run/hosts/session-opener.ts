/** What a run does with each host that it opens: what other runs left there goes, the media is looked for, and the host is learned. */

import type { Host, HostFacts } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Emit } from '../../model/events.ts'
import type { RunWorld } from '../run-request.ts'
import type { RunSpace } from '../space/run-space.ts'
import { describeOverload } from './describe-overload.ts'
import { createFfmpegMemory } from './ffmpeg-memory.ts'
import type { HostKnowledge } from './host-knowledge.ts'
import type { NewHost } from './host-roster.ts'
import { type HostSession, openHostSession } from './host-session.ts'
import { removeLeftOnHost } from './left-files.ts'

export interface SessionOpenerOptions {
  readonly runId: string
  readonly world: RunWorld
  readonly emit: Emit
  readonly ledger: Ledger
  readonly signal: AbortSignal
  /** Rejects where the host does not see the media that it should. */
  readonly checkHost: (host: Host, cluster: string) => Promise<void>
  readonly knowledge: HostKnowledge
  readonly space: RunSpace
}

export function createSessionOpener(options: SessionOpenerOptions): (host: NewHost) => HostSession {
  const { runId, world, emit, ledger, signal, knowledge, space } = options
  const ffmpegs = createFfmpegMemory(ledger)
  return ({ cluster, config, setState }) => {
    let isOverloadTold = false

    /** Once: a host that was lost is learned again. */
    function tellOverload(host: Host, facts: HostFacts): void {
      const overload = isOverloadTold ? undefined : describeOverload(host.config, facts)
      if (overload !== undefined) emit('warning', { message: overload })
      isOverloadTold = true
    }

    return openHostSession({
      cluster,
      config,
      createHost: world.createHost,
      emit,
      clock: world.clock,
      signal,
      runId,
      async checkHost(host) {
        await removeLeftOnHost(ledger, host, cluster)
        await options.checkHost(host, cluster)
      },
      async learn(host, facts) {
        ffmpegs.remember(config, facts)
        await knowledge.learn(cluster, host, facts)
        space.hostUp({ host, facts }, knowledge.toSpec(cluster, config))
        tellOverload(host, facts)
      },
      setState,
      onWorkFolder: (path, isThere) => {
        if (isThere) ledger.noteRunFile(runId, { cluster, host: config.name }, path)
        else ledger.forgetRunFile(runId, { cluster, host: config.name }, path)
      },
    })
  }
}
