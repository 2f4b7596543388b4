/**
 * Before the first job: does a mounted host really see this run's media? Files from different folders are tried, since each mount
 * may be there or not; a host that sees none of them is not used. Each job checks its own source again.
 */

import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Host } from '../../host/host.ts'
import { findMountedSource } from '../../transfer/mounted-route.ts'

export interface MountedSample {
  readonly cluster: string
  readonly source: { readonly path: string; readonly sizeBytes: number }
}

const MAX_SAMPLES = 5

export function createMountedCheck(plans: readonly MountedSample[]): (host: Host, cluster: string) => Promise<void> {
  // Picked at once: the check lives as long as the run, and the plans need not.
  const samples = pickSamples(plans)
  return async (host, cluster) => {
    if (host.config.type !== 'mounted') return
    let failure: unknown
    for (const source of samples.get(cluster)?.values() ?? []) {
      // Done meanwhile.
      if (!existsSync(source.path)) continue
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

/** A name that Windows cannot hold tells nothing of the folder it is in. */
function isOdd(path: string): boolean {
  return /[<>:"|?*\\]|[. ]$/.test(basename(path))
}

/** Cluster → folder → a source in it. */
function pickSamples(plans: readonly MountedSample[]): ReadonlyMap<string, ReadonlyMap<string, MountedSample['source']>> {
  const samples = new Map<string, Map<string, MountedSample['source']>>()
  for (const { cluster, source } of plans) {
    const byFolder = samples.get(cluster) ?? new Map<string, MountedSample['source']>()
    samples.set(cluster, byFolder)
    const folder = dirname(source.path)
    const known = byFolder.get(folder)
    const isBetter = known === undefined ? byFolder.size < MAX_SAMPLES : isOdd(known.path) && !isOdd(source.path)
    if (isBetter) byFolder.set(folder, source)
  }
  return samples
}
