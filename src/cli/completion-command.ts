/**
 * `encode completion SHELL` prints the shell's completion script; `encode completion words KIND` is what the scripts call for
 * names that only the configuration knows. A person is typing then, so whatever goes wrong there, the answer is fewer words.
 */

import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findConfigFile } from '../config/find-config-file.ts'
import { type ConfigNames, readConfigNames } from '../config/read-config-names.ts'
import { EncodeError } from '../core/errors.ts'
import { renderBashCompletion } from './completion/render-bash.ts'
import { renderFishCompletion } from './completion/render-fish.ts'
import { renderZshCompletion } from './completion/render-zsh.ts'
import { NAME_KINDS, type NameKind } from './options.ts'
import type { Arguments } from './parse-arguments.ts'
import { SHIPPED_FOLDER } from './shipped-folder.ts'

const RENDERERS: Readonly<Record<string, () => string>> = {
  bash: renderBashCompletion,
  zsh: renderZshCompletion,
  fish: renderFishCompletion,
}

export async function completionCommand(args: Arguments): Promise<number> {
  const [shell, kind] = args.words
  if (shell === 'words') {
    const names = isNameKind(kind) ? await loadNames(kind, args.config) : []
    process.stdout.write(names.map((name) => `${name}\n`).join(''))
    return 0
  }
  const render = Object.hasOwn(RENDERERS, shell ?? '') ? RENDERERS[shell ?? ''] : undefined
  if (render === undefined) {
    const message = shell === undefined ? '"encode completion" needs the name of a shell' : `There is no completion for shell "${shell}"`
    throw new EncodeError('USAGE_INVALID', message, { hint: 'Allowed are bash, zsh and fish: encode completion bash' })
  }
  process.stdout.write(render())
  return 0
}

async function loadNames(kind: NameKind, explicit: string | undefined): Promise<readonly string[]> {
  const own = await loadOwnNames(explicit)
  const shipped = kind === 'profiles' || kind === 'mixins' ? await loadShippedNames() : []
  // A script reads one name a line, and no terminal should be sent anything else.
  return [...new Set([...(own?.[kind] ?? []), ...shipped.flatMap((names) => names[kind])])].filter((name) => !/\p{Cc}/u.test(name))
}

async function loadOwnNames(explicit: string | undefined): Promise<ConfigNames | undefined> {
  try {
    // The shell hands over what was typed, where `~` is still to be expanded.
    const file = await findConfigFile({ explicit: explicit?.replace(/^~(?=\/)/, () => homedir()), env: process.env, homeFolder: homedir() })
    return file === undefined ? undefined : readConfigNames(await readFile(file, 'utf8'))
  } catch {
    return undefined
  }
}

async function loadShippedNames(): Promise<readonly ConfigNames[]> {
  try {
    const names = (await readdir(SHIPPED_FOLDER)).filter((name) => name.endsWith('.yml')).sort()
    return await Promise.all(names.map(async (name) => readConfigNames(await readFile(join(SHIPPED_FOLDER, name), 'utf8'))))
  } catch {
    return []
  }
}

function isNameKind(kind: string | undefined): kind is NameKind {
  return NAME_KINDS.some((known) => known === kind)
}
