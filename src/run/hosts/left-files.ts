/** Temporary files of controllers that died: removed here at the start of a run, and on each host when it comes up. */

import { rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isEncodeError } from '../../core/errors.ts'
import type { Host } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'

/** What cannot be removed stays noted, for the next run; so does what lies on a share that is not mounted at the moment. */
export async function removeLeftHere(ledger: Pick<Ledger, 'leftFiles' | 'forgetLeftFile'>): Promise<void> {
  for (const left of ledger.leftFiles()) {
    if (left.place !== 'controller') continue
    await removeWhereSeen(left.path).then(
      () => ledger.forgetLeftFile(left),
      () => {},
    )
  }
}

async function removeWhereSeen(path: string): Promise<void> {
  await stat(dirname(path))
  await rm(path, { force: true })
}

export async function removeLeftOnHost(
  ledger: Pick<Ledger, 'leftFiles' | 'forgetLeftFile'>,
  host: Pick<Host, 'config' | 'removeFiles'>,
  cluster: string,
): Promise<void> {
  const left = ledger
    .leftFiles()
    .filter(({ place }) => place !== 'controller' && place.cluster === cluster && place.host === host.config.name)
  if (left.length === 0) return
  for (const file of left) {
    // One that cannot be removed (its folder is read-only by now) must not cost the host; it stays noted.
    const isGone = await host.removeFiles([file.path]).then(
      () => true,
      (error: unknown) => (isEncodeError(error, 'COMMAND_FAILED') ? false : Promise.reject(error)),
    )
    if (isGone) ledger.forgetLeftFile(file)
  }
}
