/** Which configuration file holds: `-y`, `$ENCODE_CONFIG`, `$XDG_CONFIG_HOME/encode/config.yml` (on Windows `%APPDATA%`), `~/.transcode.yml`. */

import { stat } from 'node:fs/promises'
import { platform as thisPlatform } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { codeOf, EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'

export interface FindConfigFileOptions {
  /** What the command line names. */
  readonly explicit: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  /** This machine's unless told. */
  readonly platform?: NodeJS.Platform | undefined
}

/**
 * @returns undefined when there is none.
 * @throws EncodeError CONFIG_INVALID: a file that was named does not exist. Those nobody named are passed over.
 */
export async function findConfigFile({ explicit, env, homeFolder, platform }: FindConfigFileOptions): Promise<string | undefined> {
  if (explicit !== undefined) return requireFile(explicit, 'given with -y')
  // An empty variable counts as unset.
  if (env.ENCODE_CONFIG) return requireFile(env.ENCODE_CONFIG, 'named by $ENCODE_CONFIG')
  for (const file of [usualConfigFile({ env, homeFolder, platform }), join(homeFolder, '.transcode.yml')]) {
    if (await exists(file)) return file
  }
  return undefined
}

/** Where a new one is written. */
export function usualConfigFile({ env, homeFolder, platform = thisPlatform() }: Omit<FindConfigFileOptions, 'explicit'>): string {
  const { XDG_CONFIG_HOME: xdg, APPDATA: roaming } = env
  // The XDG base directory specification has relative paths ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'encode', 'config.yml')
  const configHome = platform === 'win32' ? roaming || join(homeFolder, 'AppData', 'Roaming') : join(homeFolder, '.config')
  return join(configHome, 'encode', 'config.yml')
}

async function requireFile(file: string, origin: string): Promise<string> {
  if (await exists(file)) return file
  throw new EncodeError('CONFIG_INVALID', `Configuration file "${toVisible(file)}", ${origin}, does not exist`, {
    hint: 'Give the path of a YAML file, or leave it out to use the default places',
  })
}

/** A file that is there but cannot be looked at counts as there: reading it will tell why. */
async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')
  }
}
