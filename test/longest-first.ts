/**
 * The order of the test files. Half of the time goes by in waiting (for a keepalive, a leash, a machine that is gone), the other half
 * in computing; so that the two overlap, files that start machines alternate with those that do not, the longest of each kind first.
 */

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those that take twelve seconds and more beside the others on a machine with two cores; how many, roughly. Only the order depends on it. */
const SECONDS: Readonly<Record<string, number>> = {
  'test/chaos/chaos.test.ts': 160,
  'test/containers/faults.test.ts': 126,
  'test/host/ssh-hosts.test.ts': 113,
  'test/cluster/interrupt.test.ts': 80,
  'test/cluster/windows-controller.test.ts': 70,
  'test/cluster/lying-ffmpeg.test.ts': 66,
  'test/media/judge-result.test.ts': 65,
  'test/job/verify-honest-results.test.ts': 62,
  'test/cluster/encode.test.ts': 60,
  'test/cluster/windows-hosts.test.ts': 55,
  'test/profile/shipped-profiles.test.ts': 49,
  'test/host/ssh/byte-transfer.test.ts': 48,
  'test/cluster/windows-faults.test.ts': 47,
  'test/cluster/cut-network.test.ts': 45,
  'test/cluster/windows-behind-sshd.test.ts': 44,
  'test/host/shell/run-on-leash.test.ts': 41,
  'test/profile/stream-safety.test.ts': 40,
  'test/host/other-systems.test.ts': 37,
  'test/containers/encode.test.ts': 35,
  'test/host/windows/ending.test.ts': 35,
  'test/cluster/drain.test.ts': 34,
  'test/cluster/hardware.test.ts': 34,
  'test/host/local/local-host.test.ts': 34,
  'test/job/verify-lies.test.ts': 34,
  'test/cluster/terminal.test.ts': 33,
  'test/cluster/init.test.ts': 31,
  'test/cluster/queue-file.test.ts': 31,
  'test/cluster/failing-host.test.ts': 29,
  'test/cluster/login-shells.test.ts': 29,
  'test/cluster/overlap.test.ts': 27,
  'test/run/end-replacement.test.ts': 27,
  'test/cluster/hosts.test.ts': 26,
  'test/host/facts/load-facts.test.ts': 26,
  'test/host/ssh/hand-over.test.ts': 26,
  'test/host/shell/guard.test.ts': 25,
  'test/cli/completion/completion.test.ts': 20,
  'test/cluster/other-systems.test.ts': 20,
  'test/cluster/space.test.ts': 20,
  'test/run/cannot-go-on.test.ts': 20,
  'test/run/many-jobs.test.ts': 20,
  'test/cluster/hostile-names.test.ts': 19,
  'test/ledger/growing-queue-file.test.ts': 18,
  'test/host/shell/quote-cmd.test.ts': 17,
  'test/run/after-a-crash.test.ts': 17,
  'test/host/windows/windows-host.test.ts': 16,
  'test/transfer/arriving-on-windows.test.ts': 16,
  'test/transfer/arriving-source.test.ts': 15,
  'test/cluster/resume-transfer.test.ts': 14,
  'test/cluster/descriptors.test.ts': 13,
  'test/host/windows/resume-on-windows.test.ts': 13,
  'test/host/windows/windows-facts.test.ts': 13,
  'test/run/second-copy.test.ts': 13,
  'test/cli/configuration-commands.test.ts': 12,
  'test/cluster/moving-files.test.ts': 12,
  'test/host/shell/file-teller.test.ts': 12,
  'test/host/windows/files-on-windows.test.ts': 12,
  'test/profile/hdr.test.ts': 12,
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
