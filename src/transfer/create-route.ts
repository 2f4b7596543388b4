/** Chooses the route by the host's type. */

import { createLocalRoute } from './local-route.ts'
import type { MediaRoute, RouteRequest } from './media-route.ts'
import { createMountedRoute } from './mounted-route.ts'
import { createStreamingRoute } from './streaming-route.ts'

export function createRoute(request: RouteRequest): Promise<MediaRoute> {
  switch (request.host.config.type) {
    case 'local':
      return createLocalRoute(request)
    case 'mounted':
      return createMountedRoute(request)
    case 'streaming':
      return createStreamingRoute(request)
  }
}
