/**
 * Every temporary file of a job, known in two places before it exists: in the ledger, so that the next run can remove it, and at the
 * host's guard, so that the host removes it by itself when this controller is gone.
 */

import type { Host } from '../../host/host.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { FileJournal } from '../../transfer/media-route.ts'

export function createFileJournal(options: {
  readonly ledger: Pick<Ledger, 'noteFile' | 'forgetFile' | 'flush'>
  readonly jobId: string
  readonly place: { readonly cluster: string; readonly host: string }
  readonly host: Pick<Host, 'guardFile'>
}): FileJournal {
  const { ledger, jobId, host } = options
  const guards = new Map<string, { release(): void }>()
  const placeOf = (place: 'controller' | 'host') => (place === 'controller' ? 'controller' : options.place)
  return {
    async note(place, path) {
      ledger.noteFile(jobId, placeOf(place), path)
      const flushed = ledger.flush()
      const guarded = place === 'host' ? host.guardFile(path).then((guard) => guards.set(path, guard)) : undefined
      await Promise.all([flushed, guarded])
    },
    async forget(place, path) {
      // A host that mounts the media as the controller does gives both files one path.
      if (place === 'host') {
        guards.get(path)?.release()
        guards.delete(path)
      }
      ledger.forgetFile(jobId, placeOf(place), path)
    },
  }
}
