/** The log of a failed attempt: what was run and what ffmpeg said, for a person to read. */

import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describeError } from '../core/errors.ts'
import { makeFolders } from '../core/make-folders.ts'
import { toVisible } from '../core/text.ts'
import { FfmpegOutput } from './encode.ts'
import type { JobContext } from './job-context.ts'

/** Resolves to the log's path, or null when it could not be written: a failing log must not hide the failure itself. */
export async function writeJobLog(context: JobContext, error: unknown): Promise<string | null> {
  const { plan, host, logFile } = context
  const output = error instanceof Error ? error.cause : undefined
  const lines = [
    `job      ${plan.id}`,
    `file     ${toVisible(plan.source.path)}`,
    `profile  ${plan.profile.name}`,
    `host     ${host.config.name}`,
    `time     ${new Date(context.clock.now()).toISOString()}`,
    `reason   ${toVisible(describeError(error))}`,
  ]
  if (output instanceof FfmpegOutput) {
    lines.push(`status   ${output.status}`, '', 'arguments', ...output.argv.map((argument) => `  ${toVisible(argument)}`), '')
    lines.push('ffmpeg', ...output.stderr.split('\n').map((line) => `  ${toVisible(line)}`))
  }
  try {
    await makeFolders(dirname(logFile), 0o700)
    await writeFile(logFile, `${lines.join('\n')}\n`, { mode: 0o600 })
    return logFile
  } catch {
    return null
  }
}
