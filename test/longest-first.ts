/**
 * The order of the test files. Half of the time goes by in waiting (for a keepalive, a leash, a machine that is gone), the other half
 * in computing; so that the two overlap, files that start machines alternate with those that do not, the longest of each kind first.
 */

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those that take about ten seconds and more on a quiet machine with two cores; how many, roughly. Only the order depends on it. */
const SECONDS: Readonly<Record<string, number>> = {
  'test/host/ssh-hosts.test.ts': 133,
  'test/containers/faults.test.ts': 98,
  'test/chaos/chaos.test.ts': 140,
  'test/cluster/windows-hosts.test.ts': 60,
  'test/cluster/windows-faults.test.ts': 50,
  'test/cluster/interrupt.test.ts': 47,
  'test/cluster/cut-network.test.ts': 42,
  'test/cluster/encode.test.ts': 38,
  'test/host/shell/run-on-leash.test.ts': 37,
  'test/cluster/windows-behind-sshd.test.ts': 30,
  'test/cluster/lying-ffmpeg.test.ts': 36,
  'test/host/shell/guard.test.ts': 29,
  'test/host/windows/ending.test.ts': 25,
  'test/host/local/local-host.test.ts': 28,
  'test/media/judge-result.test.ts': 25,
  'test/cluster/queue-file.test.ts': 25,
  'test/containers/encode.test.ts': 22,
  'test/cluster/hardware.test.ts': 21,
  'test/host/windows/windows-host.test.ts': 18,
  'test/cluster/drain.test.ts': 18,
  'test/cluster/failing-host.test.ts': 17,
  'test/profile/shipped-profiles.test.ts': 17,
  'test/cluster/terminal.test.ts': 15,
  'test/host/shell/quote-cmd.test.ts': 13,
  'test/cluster/login-shells.test.ts': 12,
  'test/profile/stream-safety.test.ts': 12,
  'test/cluster/space.test.ts': 11,
  'test/cluster/descriptors.test.ts': 11,
  'test/host/ssh/ssh-transport.test.ts': 11,
  'test/cli/configuration-commands.test.ts': 11,
  'test/run/after-a-crash.test.ts': 10,
  'test/job/verify-honest-results.test.ts': 10,
  'test/ledger/growing-queue-file.test.ts': 10,
  'test/host/facts/load-facts.test.ts': 10,
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
