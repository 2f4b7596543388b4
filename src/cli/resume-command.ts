/** `encode resume`: goes on with what controllers that died have left. */

import { EncodeError } from '../core/errors.ts'
import { resumeRun } from '../run/resume-run.ts'
import { loadCliConfig } from './load-cli-config.ts'
import type { Arguments } from './parse-arguments.ts'
import { withWorld } from './with-world.ts'

export async function resumeCommand(args: Arguments, argv: readonly string[]): Promise<number> {
  if (args.words.length > 0 || args.isDryRun) {
    throw new EncodeError('USAGE_INVALID', '"encode resume" takes no paths and no --dry-run', {
      hint: 'See what it would do with "encode history"',
    })
  }
  const config = await loadCliConfig(args.config)
  const { isSequential, strategy, rateLimitBytes, hosts: onlyHosts } = args
  return await withWorld(args, config, (world) => resumeRun({ config, isSequential, strategy, rateLimitBytes, onlyHosts, argv }, world))
}
