/**
 * OpenSSH's client configuration for machines without OpenSSH's client: Host and Match blocks, Include, first value wins.
 * Format: ssh_config(5). Match understands all, host, originalhost, user and localuser; a block with any other
 * criterion (exec, canonical, final) does not apply.
 */

import { glob, readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { EncodeError } from '../../core/errors.ts'
import { type ClientOptions, createClientOptions } from './client-options.ts'
import { matchesPatterns } from './host-pattern.ts'

export interface SshConfigQuestion {
  readonly name: string
  readonly user: string | undefined
  readonly homeFolder: string
  readonly localUser: string
  /** Read after the user's own file. */
  readonly systemFile?: string
}

const MAX_INCLUDE_DEPTH = 16
/** Of this machine's own files: what they include relatively is here. */
const SYSTEM_FOLDER = /^(?:\/etc|[A-Za-z]:\\ProgramData)[\\/]ssh(?=[\\/])/i

export async function readSshConfig(question: SshConfigQuestion): Promise<ClientOptions> {
  const entries: (readonly [string, string])[] = []
  const userFile = join(question.homeFolder, '.ssh', 'config')
  await readFileInto(entries, userFile, question, 0)
  await readFileInto(entries, question.systemFile ?? '/etc/ssh/ssh_config', question, 0)
  return createClientOptions(entries, false)
}

async function readFileInto(
  entries: (readonly [string, string])[],
  file: string,
  question: SshConfigQuestion,
  depth: number,
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return ''
    throw new EncodeError('HOST_UNREACHABLE', `The SSH configuration "${file}" cannot be read: ${error.message}`, { cause: error })
  })
  let applies = true
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = splitWords(line)
    const keyword = words[0]?.toLowerCase()
    if (keyword === undefined) continue
    const values = words.slice(1)
    if (values.length === 0) {
      throw new EncodeError('HOST_UNREACHABLE', `${file}:${index + 1}: "${words[0]}" has no value`, { hint: 'Complete or remove the line' })
    }
    if (keyword === 'host') applies = matchesPatterns(question.name, values)
    else if (keyword === 'match') applies = matchesCriteria(values, entries, question)
    else if (!applies) continue
    else if (keyword === 'include') await readIncluded(entries, values, file, question, depth)
    else if (keyword === 'identityfile') entries.push(...values.map((value) => [keyword, value] as const))
    else entries.push([keyword, values.join(' ')])
  }
}

async function readIncluded(
  entries: (readonly [string, string])[],
  patterns: readonly string[],
  from: string,
  question: SshConfigQuestion,
  depth: number,
): Promise<void> {
  if (depth >= MAX_INCLUDE_DEPTH) {
    throw new EncodeError('HOST_UNREACHABLE', `"${from}" includes files more than ${MAX_INCLUDE_DEPTH} deep`, {
      hint: 'Look for a file that includes itself',
    })
  }
  for (const file of await findIncluded(patterns, from, question.homeFolder)) await readFileInto(entries, file, question, depth + 1)
}

/** The files that an Include line of `from` means, in OpenSSH's order. */
export async function findIncluded(patterns: readonly string[], from: string, homeFolder: string): Promise<readonly string[]> {
  const base = SYSTEM_FOLDER.exec(from)?.[0] ?? join(homeFolder, '.ssh')
  const included: string[] = []
  for (const pattern of patterns) {
    const expanded = pattern.startsWith('~/') ? join(homeFolder, pattern.slice(2)) : pattern
    const files: string[] = []
    for await (const file of glob(isAbsolute(expanded) ? expanded : join(base, expanded))) files.push(file)
    included.push(...files.sort())
  }
  return included
}

function matchesCriteria(words: readonly string[], entries: readonly (readonly [string, string])[], question: SshConfigQuestion): boolean {
  const known = (name: string): string | undefined => entries.find((entry) => entry[0] === name)?.[1]
  const subjects: Readonly<Record<string, string>> = {
    host: known('hostname') ?? question.name,
    originalhost: question.name,
    user: question.user ?? known('user') ?? question.localUser,
    localuser: question.localUser,
  }
  for (let at = 0; at < words.length; at += 1) {
    const criterion = words[at]?.toLowerCase() ?? ''
    if (criterion === 'all') continue
    const isNegated = criterion.startsWith('!')
    const subject = subjects[isNegated ? criterion.slice(1) : criterion]
    at += 1
    if (subject === undefined || matchesPatterns(subject, (words[at] ?? '').split(',')) === isNegated) return false
  }
  return true
}

/** `Keyword value "quoted value"`, `Keyword=value`; `#` begins a comment where a word could begin. */
export function splitWords(line: string): readonly string[] {
  const match = /^\s*([^\s=#"]+)(?:\s*=\s*|\s+)?(.*)$/.exec(line)
  if (match === null) return []
  const words = [match[1] ?? '']
  for (const [, quoted, plain] of (match[2] ?? '').matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    if (plain?.startsWith('#')) break
    words.push(quoted ?? plain ?? '')
  }
  return words
}
