/** Where encode keeps its ledger and the logs of failed jobs. */

import { homedir, platform, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly homeFolder: string
}

/** On every system where `XDG_STATE_HOME` says; else on Windows in `%LOCALAPPDATA%`, which does not follow its user to other machines. */
export function stateFolder(env: NodeJS.ProcessEnv, around: Surroundings = { platform: platform(), homeFolder: ownFolder() }): string {
  const { XDG_STATE_HOME: xdg, LOCALAPPDATA: local } = env
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'encode')
  if (around.platform === 'win32') return join(local || join(around.homeFolder, 'AppData', 'Local'), 'encode')
  return join(around.homeFolder, '.local', 'state', 'encode')
}

/** `HOME=` (a broken cron table) is no folder: each working folder would have a ledger of its own, whose runs know nothing of each other. */
function ownFolder(): string {
  const told = homedir()
  return isAbsolute(told) ? told : userInfo().homedir
}
