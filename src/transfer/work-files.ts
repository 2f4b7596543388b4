/** One job's files in the run's work folder on a host: known before they are made, found again when the host was lost and is back, removed. */

import { isEncodeError } from '../core/errors.ts'
import { CLEAN_UP_TIMEOUT_MS, type RouteRequest } from './media-route.ts'
import type { Errand } from './resume-transfer.ts'

export interface WorkFiles {
  /** For transfers of these files. */
  readonly errand: Errand
  path(name: string): string
  cleanUp(): Promise<void>
}

/** @param names of those that are known as long as the job runs, wherever its work folder is. */
export async function createWorkFiles(request: RouteRequest, names: readonly string[]): Promise<WorkFiles> {
  const { host, files, reconnect } = request
  let folder = await request.workFolder()
  const noted = new Set<string>()

  const path = (name: string): string => host.joinPath(folder, name)

  async function note(name: string): Promise<void> {
    if (noted.has(path(name))) return
    noted.add(path(name))
    await files.note('host', path(name))
  }

  async function noteAll(): Promise<void> {
    await Promise.all(names.map(note))
  }

  /** What stays in the old folder is its guard's business, or the session's. */
  async function regain(wanted: readonly string[]): Promise<boolean> {
    if (reconnect === undefined) return false
    try {
      await reconnect(wanted.map(path))
    } catch (error) {
      if (isEncodeError(error, 'HOST_LOST')) return false
      throw error
    }
    folder = await request.workFolder()
    await noteAll()
    return true
  }

  await noteAll()
  return {
    path,
    errand: { host, path, note, regain },
    async cleanUp() {
      await host.removeFiles([...noted], AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS))
      for (const file of noted) await files.forget('host', file)
    },
  }
}
