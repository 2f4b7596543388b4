/**
 * The order of the test files. Half of the time goes by in waiting (for a keepalive, a leash, a machine that is gone), the other half
 * in computing; so that the two overlap, files that start machines alternate with those that do not, the longest of each kind first.
 */

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those that take over five seconds on a quiet machine with two cores, and about how many. Only the order depends on it. */
const SECONDS: Readonly<Record<string, number>> = {
  'test/containers/faults.test.ts': 98,
  'test/chaos/chaos.test.ts': 76,
  'test/cluster/interrupt.test.ts': 47,
  'test/cluster/cut-network.test.ts': 42,
  'test/cluster/hostile-names.test.ts': 39,
  'test/cluster/encode.test.ts': 38,
  'test/cluster/lying-ffmpeg.test.ts': 26,
  'test/cluster/queue-file.test.ts': 25,
  'test/containers/encode.test.ts': 22,
  'test/cluster/hardware.test.ts': 21,
  'test/cluster/terminal.test.ts': 16,
  'test/media/judge-result.test.ts': 30,
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const gone = Object.keys(SECONDS).filter((path) => !existsSync(join(root, path)))
    if (gone.length > 0) throw new Error(`No such test files: ${gone.join(', ')}`)
    const secondsOf = (file: TestSpecification): number => SECONDS[relative(root, file.moduleId)] ?? 0
    const sorted = (await super.sort(files)).toSorted((one, other) => secondsOf(other) - secondsOf(one))
    const computing = sorted.filter(({ project }) => project.name === 'unit')
    const waiting = sorted.filter(({ project }) => project.name !== 'unit')
    return Array.from({ length: Math.max(computing.length, waiting.length) }, (_, place) => [waiting[place], computing[place]])
      .flat()
      .filter((file) => file !== undefined)
  }
}
