/** Temporary files of controllers that died: removed here at the start of a run, and on each host when it comes up. */

import { rm } from 'node:fs/promises'
import type { Host } from '../host/host.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** What cannot be removed stays noted, for the next run. */
export async function removeLeftHere(ledger: Ledger): Promise<void> {
  for (const left of ledger.leftFiles()) {
    if (left.place !== 'controller') continue
    await rm(left.path, { force: true }).then(
      () => ledger.forgetLeftFile(left),
      () => {},
    )
  }
}

export async function removeLeftOnHost(ledger: Ledger, host: Host, cluster: string): Promise<void> {
  const left = ledger
    .leftFiles()
    .filter(({ place }) => place !== 'controller' && place.cluster === cluster && place.host === host.config.name)
  if (left.length === 0) return
  await host.removeFiles(left.map(({ path }) => path))
  for (const file of left) ledger.forgetLeftFile(file)
}
