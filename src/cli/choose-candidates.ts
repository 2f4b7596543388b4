/** Which hosts `encode init` looks at: what `--host` names, or what a person picks from a numbered list. */

import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import { createHostConfig } from '../host/create-host-config.ts'
import type { HostConfig } from '../model/config.ts'
import { LOCAL_CLUSTER } from '../plan/target.ts'

/** `[user@]name[:port]` as one would give it to ssh; `local` is this machine. */
export function toCandidates(words: readonly string[]): readonly HostConfig[] {
  const candidates = new Map<string, HostConfig>()
  for (const word of new Set(words)) {
    const candidate = toCandidate(word)
    // Two users or two ports of one machine: the second goes by all of its words.
    const { name } = candidate
    if (candidates.has(name)) candidates.set(word, { ...candidate, name: word, address: name })
    else candidates.set(name, candidate)
  }
  return [...candidates.values()]
}

function toCandidate(word: string): HostConfig {
  const [, user, address = '', port] = /^(?:([^@\s]+)@)?(\[[^\]\s]+\]|[^:@\s]+|[^@\s]*:[^@\s]*:[^@\s]*?)(?::(\d{1,5}))?$/.exec(word) ?? []
  const name = address.replace(/^\[(.*)\]$/, '$1')
  if (name === '' || name.startsWith('-') || user?.startsWith('-') === true) {
    throw new EncodeError('USAGE_INVALID', `"${toVisible(word)}" is no host`, {
      hint: 'Name it as you would for ssh: NAME, USER@NAME or USER@NAME:PORT; "local" is this machine',
    })
  }
  const type = word === LOCAL_CLUSTER ? 'local' : 'streaming'
  return createHostConfig({ name, type, port: port === undefined ? undefined : Number(port), user })
}

/**
 * An answer to "which of these": numbers from 1, ranges (`1-3`), names of the list or any others, `all`; separated by spaces or commas.
 * @returns undefined for a number that is not in the list.
 */
export function parseChoice(answer: string, offered: readonly string[]): readonly string[] | undefined {
  const chosen = new Set<string>()
  for (const word of answer.split(/[\s,]+/).filter((part) => part !== '')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? []
    if (word === 'all') for (const name of offered) chosen.add(name)
    else if (first === undefined || offered.includes(word)) chosen.add(word)
    else {
      const range = offered.slice(Math.max(0, Number(first) - 1), Number(last))
      if (Number(first) < 1 || Number(last) > offered.length || range.length === 0) return undefined
      for (const name of range) chosen.add(name)
    }
  }
  return [...chosen]
}
