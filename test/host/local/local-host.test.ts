import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { HostProcess } from '../../cluster/sshd-host.ts'
import { describeHost, type HostUnderTest, TEST_TIMING } from '../../contract/host.ts'
import { makeHostConfig } from '../../contract/host-config.ts'
import { describeVanishedController } from '../../contract/vanished-controller.ts'

describe('a local host', () => {
  describeHost('in its contract', startLocal, { isLocal: true })
  describeVanishedController('whose controller is gone', startLocal)
})

async function startLocal(): Promise<HostUnderTest> {
  const workingDir = await mkdtemp(join(tmpdir(), 'encode-local-'))
  // Whatever the host starts inherits it.
  const mark = `ENCODE_TEST=${randomUUID()}`
  return {
    options: {
      config: makeHostConfig({ name: 'here', type: 'local', workingDir }),
      sshProgram: undefined,
      env: { PATH: process.env.PATH, HOME: homedir(), ENCODE_TEST: mark.split('=')[1] },
      homeFolder: homedir(),
      timing: TEST_TIMING,
    },
    processes: async () => await listMarked(mark),
    [Symbol.asyncDispose]: async () => await rm(workingDir, { recursive: true }),
  }
}

async function listMarked(mark: string): Promise<readonly HostProcess[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(
    pids.map(async (entry) => {
      try {
        if (!(await readFile(`/proc/${entry}/environ`, 'utf8')).includes(mark)) return undefined
        return { pid: Number(entry), args: (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim() }
      } catch {
        return undefined // it ended meanwhile
      }
    }),
  )
  return found.filter((entry) => entry !== undefined)
}
