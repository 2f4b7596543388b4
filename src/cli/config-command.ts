/** `encode config check [FILE]` and `encode config show [FILE]`. */

import { EncodeError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { checkConfig } from './check-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { showConfig } from './show-config.ts'

const ACTIONS = { check: checkConfig, show: showConfig } as const

export async function configCommand(args: Arguments): Promise<number> {
  const [action = 'check', file, more] = args.words
  if (!isAction(action)) {
    const guess = nearest(action, Object.keys(ACTIONS))
    throw new EncodeError(
      'USAGE_INVALID',
      `There is no "encode config ${action}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
      {
        hint: 'See "encode config check [FILE]" and "encode config show [FILE]"',
      },
    )
  }
  if (more !== undefined) {
    throw new EncodeError('USAGE_INVALID', `"encode config ${action}" takes one file, found also "${more}"`)
  }
  return await ACTIONS[action](args, file ?? args.config)
}

function isAction(word: string): word is keyof typeof ACTIONS {
  return Object.hasOwn(ACTIONS, word)
}
