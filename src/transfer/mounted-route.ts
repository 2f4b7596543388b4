/**
 * The host sees the media itself, under the same or another path, and writes the result beside it.
 * Where it does not see the result's folder (`-o` elsewhere), the result is written to the work folder and fetched.
 */

import { basename, dirname } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import type { Host } from '../host/host.ts'
import { isWindowsPath, mapPath } from './map-path.ts'
import { CLEAN_UP_TIMEOUT_MS, type MediaRoute, type RouteRequest } from './media-route.ts'
import { receiveResumed } from './resume-transfer.ts'
import { createWorkFiles } from './work-files.ts'

export async function createMountedRoute(request: RouteRequest): Promise<MediaRoute> {
  const { plan, host, signal } = request
  const hostSource = await findMountedSource(host, plan.source, signal)
  const seesFolder = isBeside(request, hostSource) || (await seesFolderOf(request))
  return seesFolder ? writeBeside(request, hostSource) : writeToWorkFolder(request, hostSource)
}

/**
 * The source's path on a host that mounts it, after making sure that it is the same file.
 * Rejects with HOST_SEES_NO_MEDIA when the host sees none, or one of another size.
 */
export async function findMountedSource(
  host: Pick<Host, 'config' | 'statFile'>,
  source: { readonly path: string; readonly sizeBytes: number },
  signal?: AbortSignal,
): Promise<string> {
  const hostSource = mapPath(source.path, host.config.pathSubstitutions)
  const seen = await host.statFile(hostSource, signal)
  if (seen?.kind === 'file' && seen.sizeBytes === source.sizeBytes) return hostSource
  const found =
    seen === undefined ? 'is not there' : seen.kind === 'file' ? `has ${seen.sizeBytes} bytes, not ${source.sizeBytes}` : 'is no file'
  throw new EncodeError('HOST_SEES_NO_MEDIA', `Host "${host.config.name}" does not see the media: "${hostSource}" ${found}`, {
    hint: isWindowsPath(hostSource)
      ? toWindowsHint(hostSource)
      : 'Check the mount and "path-substitutions" of this host, or set "type: streaming"',
  })
}

function toWindowsHint(hostSource: string): string {
  const long =
    hostSource.length <= MOST_WINDOWS_CHARACTERS
      ? ''
      : `Of its ${hostSource.length} characters Windows takes ${MOST_WINDOWS_CHARACTERS}, unless "LongPathsEnabled" is set in its registry. `
  return (
    `${long}A login by SSH has none of the mapped drives there, and no password for shares: name a folder on a drive of that machine, or a ` +
    'share that is open to the machine itself, in "path-substitutions" of this host, or set "type: streaming"'
  )
}

/** MAX_PATH, without the NUL at its end. */
const MOST_WINDOWS_CHARACTERS = 259

/** A file that the host sees stands in a folder that it sees: where the result goes there too, there is nothing to ask. */
function isBeside({ plan, host, temporary }: RouteRequest, hostSource: string): boolean {
  const hostResult = mapPath(temporary, host.config.pathSubstitutions)
  const folder = hostSource.slice(0, -basename(plan.source.path).length)
  return hostSource === `${folder}${basename(plan.source.path)}` && hostResult === `${folder}${basename(temporary)}`
}

async function seesFolderOf({ host, temporary, signal }: RouteRequest): Promise<boolean> {
  const hostFolder = mapPath(dirname(temporary), host.config.pathSubstitutions)
  return (await host.statFile(hostFolder, signal))?.kind === 'folder'
}

async function writeBeside(request: RouteRequest, hostSource: string): Promise<MediaRoute> {
  const { host, files } = request
  const hostResult = mapPath(request.temporary, host.config.pathSubstitutions)
  await files.note('host', hostResult)
  return {
    hostSource,
    hostResult,
    fetch: undefined,
    bringBack: undefined,
    async cleanUp({ isResultPlaced = false } = {}) {
      // The file is `temporary` itself, seen from the other side, and gone by now; unless the two folders are not the same after all.
      // What the host wrote has turned up here and was moved into place: then they are.
      if (!isResultPlaced) await host.removeFiles([hostResult], AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS))
      await files.forget('host', hostResult)
    },
  }
}

async function writeToWorkFolder(request: RouteRequest, hostSource: string): Promise<MediaRoute> {
  const { plan, attempt, signal, temporary } = request
  const result = `${plan.id}-${attempt}.result${plan.profile.extension}`
  const work = await createWorkFiles(request, [result])
  return {
    hostSource,
    get hostResult() {
      return work.path(result)
    },
    fetch: undefined,
    async bringBack(options) {
      await receiveResumed(work.errand, { name: result, controllerPath: temporary, options: { ...options, signal } })
    },
    cleanUp: work.cleanUp,
  }
}
