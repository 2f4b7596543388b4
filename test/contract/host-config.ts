/** A HostConfig for tests: what a cluster file of a few lines would give. */

import type { HostConfig } from '../../src/model/config.ts'

export function makeHostConfig(fields: Pick<HostConfig, 'name' | 'type'> & Partial<HostConfig>): HostConfig {
  return {
    isEnabled: true,
    address: undefined,
    port: undefined,
    user: undefined,
    identityFile: undefined,
    knownHosts: undefined,
    hostKeyCheck: 'strict',
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
