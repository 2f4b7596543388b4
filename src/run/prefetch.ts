/** How many jobs a slot a host is given ahead. What sees the media itself has nothing to fetch. */

import type { HostConfig } from '../model/config.ts'

const DEFAULT_PREFETCH = 1

export function toPrefetch({ type, prefetch = DEFAULT_PREFETCH }: Pick<HostConfig, 'type' | 'prefetch'>): number {
  return type === 'streaming' ? prefetch : 0
}
