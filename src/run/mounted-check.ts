/**
 * Before the first job: does a mounted host really see this run's media? Files from different folders are tried, since each mount
 * may be there or not; a host that sees none of them is not used. Each job checks its own source again.
 */

import { dirname } from 'node:path'
import type { Host } from '../host/host.ts'
import type { JobPlan } from '../model/plan.ts'
import { findMountedSource } from '../transfer/mounted-route.ts'

const MAX_SAMPLES = 5

export function createMountedCheck(plans: readonly JobPlan[]): (host: Host, cluster: string) => Promise<void> {
  return async (host, cluster) => {
    if (host.config.type !== 'mounted') return
    let failure: unknown
    for (const { source } of pickSamples(plans, cluster)) {
      try {
        await findMountedSource(host, source)
        return
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
  }
}

function pickSamples(plans: readonly JobPlan[], cluster: string): readonly JobPlan[] {
  const byFolder = new Map<string, JobPlan>()
  for (const plan of plans) {
    const folder = dirname(plan.source.path)
    if (plan.cluster === cluster && !byFolder.has(folder)) byFolder.set(folder, plan)
    if (byFolder.size === MAX_SAMPLES) break
  }
  return [...byFolder.values()]
}
