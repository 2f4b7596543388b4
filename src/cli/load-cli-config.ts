/** The configuration of a call: `-y`, else the places where it is looked for, over the shipped profiles. */

import { homedir } from 'node:os'
import { findConfigFile } from '../config/find-config-file.ts'
import { loadConfig } from '../config/load-config.ts'
import type { Config } from '../model/config.ts'
import { SHIPPED_FOLDER } from './shipped-folder.ts'

export async function loadCliConfig(explicit: string | undefined): Promise<Config> {
  const file = await findConfigFile({ explicit, env: process.env, homeFolder: homedir() })
  return await loadConfig({ file, homeFolder: homedir(), shippedFolder: SHIPPED_FOLDER })
}
