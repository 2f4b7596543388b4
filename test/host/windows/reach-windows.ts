/** Opens a Windows server that a test has started, as the program would. */

import { createHost } from '../../../src/host/create-host.ts'
import { createHostConfig } from '../../../src/host/create-host-config.ts'
import type { Host } from '../../../src/host/host.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { TEST_TIMING } from '../../contract/host.ts'
import type { WindowsServer } from './windows-server.ts'

export function reachWindows(server: WindowsServer, homeFolder: string, more: Partial<HostConfig> = {}): Host {
  const { port, user, identityFile, knownHostsFile, folder } = server
  const place = { address: '127.0.0.1', port, user, identityFile, knownHosts: knownHostsFile }
  return createHost({
    config: createHostConfig({ name: 'gaming', type: 'streaming', workingDir: `${folder}\\work`, ...place, ...more }),
    sshProgram: undefined,
    env: {},
    homeFolder,
    timing: TEST_TIMING,
  })
}
