/** What all completion scripts are made of. */

import type { OptionSpec } from '../options.ts'

/** An option as it is typed: `-c`, `--cluster`. */
export function namesOf({ long, short }: Pick<OptionSpec, 'long' | 'short'>): readonly string[] {
  return short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`]
}

/** One word of bash and zsh, whatever it holds. */
export function quoteShell(text: string): string {
  return /^[\w.,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
