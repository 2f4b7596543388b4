/**
 * `encode config check [FILE]`: all that is wrong with a configuration, and all that loads but has no effect, each with its place.
 * Errors go to stderr as they do when the file is used; with `--json` everything goes to stdout, one object a line.
 */

import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { findConfigFile } from '../config/find-config-file.ts'
import { findIdleParts } from '../config/find-idle-parts.ts'
import { loadExaminedConfig } from '../config/load-config.ts'
import type { Finding } from '../config/located.ts'
import { type ExaminedConfig, toConfig } from '../config/parse-config.ts'
import { formatFinding, type SourceText } from '../config/report.ts'
import { toVisible } from '../core/text.ts'
import { listRecipes } from '../profile/list-recipes.ts'
import { EXIT } from '../run/exit-status.ts'
import { chooseChalk } from './choose-chalk.ts'
import type { Arguments } from './parse-arguments.ts'
import { printLines, printObjects } from './print-lines.ts'
import { SHIPPED_FOLDER } from './shipped-folder.ts'

export async function checkConfig(args: Arguments, explicit: string | undefined): Promise<number> {
  const file = await findConfigFile({ explicit, env: process.env, homeFolder: homedir() })
  if (file === undefined) {
    if (!args.isJson) await printLines(['There is no configuration file: everything is default'])
    return 0
  }
  const examined = await loadExaminedConfig({ file, homeFolder: homedir(), shippedFolder: SHIPPED_FOLDER })
  const { source } = examined
  const problems = inOrder(source, examined.problems)
  const warnings = inOrder(source, [...examined.warnings, ...(await findIdle(examined))])
  if (args.isJson) {
    await printObjects([
      ...problems.map((finding) => toObject('error', source, finding)),
      ...warnings.map((finding) => toObject('warning', source, finding)),
    ])
  } else {
    for (const problem of problems) process.stderr.write(`${formatFinding(source, problem)}\n`)
    const chalk = chooseChalk(args, examined.config.colorize)
    const blocks = warnings.map(({ offset, message }) => formatFinding(source, { offset, message: `warning: ${message}` }))
    const end = `${toVisible(file)}: ${describeCount(problems.length, 'error')}, ${describeCount(warnings.length, 'warning')}`
    const colour = problems.length > 0 ? chalk.red : warnings.length > 0 ? chalk.yellow : chalk.green
    await printLines([...blocks.flatMap((block) => block.split('\n')), colour(end)])
  }
  return problems.length > 0 ? EXIT.usage : EXIT.done
}

/** What a file with problems means is not sure enough to say what of it has no effect. */
async function findIdle(examined: ExaminedConfig): Promise<readonly Finding[]> {
  if (examined.problems.length > 0) return []
  return await findIdleParts(examined, {
    recipes: listRecipes(toConfig(examined)),
    isHere: async (path) =>
      await stat(path).then(
        () => true,
        // A folder that may not be looked at is there all the same.
        (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
      ),
  })
}

/** In the order of the text, each once. */
function inOrder(source: SourceText, findings: readonly Finding[]): readonly Finding[] {
  const byReport = new Map([...findings].sort((a, b) => a.offset - b.offset).map((finding) => [formatFinding(source, finding), finding]))
  return [...byReport.values()]
}

function toObject(severity: 'error' | 'warning', source: SourceText, { offset, message }: Finding): object {
  return { severity, ...source.placeOf(offset), message, source: source.lineAt(offset) }
}

function describeCount(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`
}
