/** The controller encodes itself: the result is written where it is verified, or on fast local storage first. */

import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CLEAN_UP_TIMEOUT_MS, type MediaRoute, type RouteRequest } from './media-route.ts'

export async function createLocalRoute(request: RouteRequest): Promise<MediaRoute> {
  const { plan, host, files, flsPath } = request
  if (flsPath === undefined || (await isSameFolder(flsPath, dirname(request.temporary)))) {
    return { hostSource: plan.source.path, hostResult: request.temporary, fetch: undefined, bringBack: undefined, cleanUp: async () => {} }
  }
  const hostResult = join(flsPath, basename(request.temporary))
  await files.note('host', hostResult)
  return {
    hostSource: plan.source.path,
    hostResult,
    fetch: undefined,
    bringBack: (options) => host.getFile(hostResult, request.temporary, options),
    async cleanUp() {
      await host.removeFiles([hostResult], AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS))
      await files.forget('host', hostResult)
    },
  }
}

/** By whichever names: a result cannot be copied onto itself. */
async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((folder) => stat(folder, { bigint: true }).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}
