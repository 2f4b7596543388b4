/** A HostConfig for tests: what a cluster file of a few lines would give. */

import { createHostConfig } from '../../src/host/create-host-config.ts'
import type { HostConfig } from '../../src/model/config.ts'

export function makeHostConfig(fields: Pick<HostConfig, 'name' | 'type'> & Partial<HostConfig>): HostConfig {
  return createHostConfig({ hostKeyCheck: 'strict', ...fields })
}
