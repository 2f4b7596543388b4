/** Errors on stderr: what is wrong and what to do; a trace only with `-v`, or for a bug. */

import { EncodeError } from '../core/errors.ts'
import { toVisibleLines } from '../core/text.ts'
import { toSourceTrace } from './to-source-trace.ts'

export function printError(error: unknown, { isVerbose }: { readonly isVerbose: boolean }): void {
  process.stderr.write(`${toVisibleLines(renderError(error, isVerbose))}\n`)
}

function renderError(error: unknown, isVerbose: boolean): string {
  if (error instanceof EncodeError) {
    const lines = [error.message, ...(error.hint === undefined ? [] : [error.hint])].map((line, index) =>
      index === 0 ? `encode: ${line}` : `        ${line}`,
    )
    if (isVerbose) lines.push(toSourceTrace(error.stack ?? ''))
    return lines.join('\n')
  }
  if (!(error instanceof Error)) return `encode: ${String(error)}`
  const advice = 'This is a bug in encode; please report it with the trace'
  return `encode: ${error.message}\n        ${advice}${isVerbose ? '' : ' (-v shows it)'}${isVerbose ? `\n${toSourceTrace(error.stack ?? '')}` : ''}`
}
