/** Without rules only a name on the command line can choose: said once, not file by file, and not of a path that leads to nothing. */

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import { toVisible } from '../core/text.ts'
import type { Config } from '../model/config.ts'
import { findSimilar, hasGlobMarks } from '../plan/describe-missing.ts'
import type { Target } from '../plan/target.ts'

/** @throws EncodeError USAGE_INVALID */
export async function refuseWithoutProfile(config: Config, targets: readonly Target[], cwd: string): Promise<void> {
  const unchosen = targets.filter(({ choice }) => choice.profile === undefined && choice.template === undefined)
  const [first] = unchosen
  if (first === undefined || config.rules.length > 0) return
  for (const target of unchosen) await refuseMissing(target, cwd)
  throw new EncodeError(
    'USAGE_INVALID',
    `Nothing says how to encode "${first.path}": no profile is named and the configuration has no rules`,
    {
      hint: 'Name one, for example "-p hevc"; "encode profiles" lists them',
    },
  )
}

export async function isThere(target: Target | undefined, cwd: string): Promise<boolean> {
  return target !== undefined && (await stat(resolve(cwd, target.path)).catch(() => undefined)) !== undefined
}

async function refuseMissing(target: Target, cwd: string): Promise<void> {
  if (hasGlobMarks(target.path) || (await isThere(target, cwd))) return
  const similar = await findSimilar(resolve(cwd, target.path))
  const guess = similar === undefined ? '' : `; did you mean "${toVisible(similar)}"?`
  throw new EncodeError('USAGE_INVALID', `There is no file or folder "${target.path}"${guess}`, {
    hint: 'Correct it, and name a profile, for example "-p hevc": the configuration has no rules',
  })
}
