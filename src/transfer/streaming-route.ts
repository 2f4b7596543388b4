/** The media travels over the host's connection: sent to the work folder under a name of ours, encoded there, fetched, removed. */

import { CLEAN_UP_TIMEOUT_MS, type MediaRoute, type RouteRequest } from './media-route.ts'

export async function createStreamingRoute(request: RouteRequest): Promise<MediaRoute> {
  const { plan, host, files } = request
  const folder = await request.workFolder()
  const hostSource = host.joinPath(folder, `${plan.id}.source${toSafeExtension(plan.source.path)}`)
  const hostResult = host.joinPath(folder, `${plan.id}.result${plan.profile.extension}`)
  return {
    hostSource,
    hostResult,
    async fetch(options) {
      await files.note('host', hostSource)
      await files.note('host', hostResult)
      await host.putFile(plan.source.path, hostSource, options)
    },
    bringBack: (options) => host.getFile(hostResult, request.temporary, options),
    async cleanUp() {
      await host.removeFiles([hostSource, hostResult], AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS))
      await files.forget('host', hostSource)
      await files.forget('host', hostResult)
    },
  }
}

/** The extension helps ffmpeg to guess a format; the rest of a user's name never travels. */
export function toSafeExtension(path: string): string {
  return /\.[A-Za-z0-9]{1,8}$/.exec(path)?.[0] ?? ''
}
