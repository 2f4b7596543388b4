/** The configuration of a call: `-y`, else the places where it is looked for, over the shipped profiles. */

import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { findConfigFile } from '../config/find-config-file.ts'
import { loadConfig } from '../config/load-config.ts'
import type { Config } from '../model/config.ts'

export async function loadCliConfig(explicit: string | undefined): Promise<Config> {
  const file = await findConfigFile({ explicit, env: process.env, homeFolder: homedir() })
  return await loadConfig({ file, homeFolder: homedir(), shippedFolder: fileURLToPath(new URL('../../profiles', import.meta.url)) })
}
