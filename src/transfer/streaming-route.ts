/**
 * The media travels over the host's connection: sent to the work folder under a name of ours, encoded there, fetched, removed.
 * A connection that breaks on the way costs the rest of a transfer, not all of it: see `resume-transfer.ts`.
 */

import { openArrivingSource } from './arriving-source.ts'
import type { MediaRoute, RouteRequest } from './media-route.ts'
import { receiveResumed, sendResumed } from './resume-transfer.ts'
import { createWorkFiles } from './work-files.ts'

export async function createStreamingRoute(request: RouteRequest): Promise<MediaRoute> {
  const { plan, attempt, host, signal, temporary } = request
  const extension = toSafeExtension(plan.source.path)
  const name = `${plan.id}-${attempt}`
  const source = `${name}.source${extension}`
  const result = `${name}.result${plan.profile.extension}`
  const work = await createWorkFiles(request, [source, result])
  return {
    get hostSource() {
      return work.path(source)
    },
    get hostResult() {
      return work.path(result)
    },
    async fetch(options) {
      await sendResumed(work.errand, { name: source, controllerPath: plan.source.path, options: { ...options, signal } })
    },
    async arrive(options, beginning) {
      return await openArrivingSource({ host, source: plan.source, extension, beginning, options, signal })
    },
    async bringBack(options) {
      await receiveResumed(work.errand, { name: result, controllerPath: temporary, options: { ...options, signal } })
    },
    follow:
      host.followFile === undefined
        ? undefined
        : async (growth, options) => await host.followFile?.(work.path(result), temporary, growth, options),
    cleanUp: work.cleanUp,
  }
}

/** The extension helps ffmpeg to guess a format; the rest of a user's name never travels. */
export function toSafeExtension(path: string): string {
  return /\.[A-Za-z0-9]{1,8}$/.exec(path)?.[0] ?? ''
}
