/**
 * The access control list of a source, for its result. Of a file with such a list, the group's bits of the mode are the most that anybody
 * on the list may do: given to a result without the list, they would open it to the whole group.
 */

import { runProgram } from '../core/run-program.ts'

/** As `runProgram`. */
export type RunCp = (program: string, argv: readonly string[], options: { readonly timeoutMs: number }) => Promise<unknown>

const CARRY_TIMEOUT_MS = 10_000

/**
 * Mode and list of `from` for `to`. Node cannot do it, GNU's `cp` can; where there is another one (macOS, busybox) the mode alone is
 * carried, by the caller. Never rejects.
 */
export async function carryAcl(from: string, to: string, run: RunCp = runProgram): Promise<void> {
  await run('cp', ['--attributes-only', '--preserve=mode', '--', from, to], { timeoutMs: CARRY_TIMEOUT_MS })
}
