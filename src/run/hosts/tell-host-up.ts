/** The event of a host that has come up, for a run and for a dry run alike. */

import type { HostFacts } from '../../host/host.ts'
import type { Emit } from '../../model/events.ts'

export function tellHostUp(emit: Emit, cluster: string, host: string, { os, ffmpegVersion, encoders, freeBytes }: HostFacts): void {
  emit('host.up', { cluster, host, os, ffmpeg: ffmpegVersion, encoders, free_bytes: freeBytes ?? null })
}
