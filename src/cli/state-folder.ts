/** Where encode keeps its ledger and the logs of failed jobs. */

import { homedir } from 'node:os'
import { join } from 'node:path'

export function stateFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_STATE_HOME
  return join(base?.startsWith('/') ? base : join(homedir(), '.local', 'state'), 'encode')
}
