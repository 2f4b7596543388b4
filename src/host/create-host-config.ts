/** A host's configuration with what is not said left to the defaults, as a cluster file of few lines would give it. */

import type { HostConfig } from '../model/config.ts'

export function createHostConfig(fields: Pick<HostConfig, 'name' | 'type'> & Partial<HostConfig>): HostConfig {
  return {
    isEnabled: true,
    address: undefined,
    port: undefined,
    user: undefined,
    identityFile: undefined,
    knownHosts: undefined,
    hostKeyCheck: undefined,
    proxyJump: undefined,
    os: undefined,
    ffmpeg: undefined,
    ffprobe: undefined,
    workingDir: undefined,
    pathSubstitutions: [],
    profiles: undefined,
    queues: { _default: 1 },
    labels: [],
    env: {},
    nice: undefined,
    place: undefined,
    ...fields,
  }
}
