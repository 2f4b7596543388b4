/** The answer of a command on stdout; a reader that has gone (`| head`) is no error. */

import { toSafeJson } from '../core/text.ts'
import { createLineOutput } from '../view/line-output.ts'
import { openOutput } from '../view/open-output.ts'

export async function printLines(lines: readonly string[]): Promise<void> {
  const output = createLineOutput(openOutput(process.stdout, process.platform))
  for (const line of lines) output.write(line)
  await output.close()
}

/** One object a line. */
export async function printObjects(objects: readonly object[]): Promise<void> {
  await printLines(objects.map((object) => toSafeJson(object)))
}
