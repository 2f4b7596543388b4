/** The machines that a person's OpenSSH configuration names: `Host` words without wildcards, in the order written, Include followed. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findIncluded, readSshConfig, splitWords } from './read-ssh-config.ts'

export interface SshConfigPlace {
  readonly homeFolder: string
  readonly localUser: string
}

/** Without hosts that user `git` logs in to: those are code forges, not machines. Empty where there is no configuration. */
export async function listSshHosts({ homeFolder, localUser }: SshConfigPlace): Promise<readonly string[]> {
  const names = new Set<string>()
  await collect(names, join(homeFolder, '.ssh', 'config'), homeFolder, new Set())
  const users = await Promise.all(
    [...names].map(async (name) => (await readSshConfig({ name, user: undefined, homeFolder, localUser })).one('user')),
  )
  return [...names].filter((_, index) => users[index] !== 'git')
}

async function collect(names: Set<string>, file: string, homeFolder: string, read: Set<string>): Promise<void> {
  if (read.has(file)) return
  read.add(file)
  // What cannot be read names nobody; connecting will say what is wrong with it.
  const text = await readFile(file, 'utf8').catch(() => '')
  for (const line of text.split(/\r?\n/)) {
    const [keyword = '', ...values] = splitWords(line)
    if (keyword.toLowerCase() === 'host') for (const value of values.filter(isMachine)) names.add(value)
    if (keyword.toLowerCase() !== 'include') continue
    for (const included of await findIncluded(values, file, homeFolder)) await collect(names, included, homeFolder, read)
  }
}

/** No pattern, and nothing that could be taken for an option. */
function isMachine(word: string): boolean {
  return /^[^-!*?\s][^*?\s]*$/.test(word)
}
