/** A real OpenSSH server with a login shell of choice, ready for the contract suites. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { lacks } from '../capabilities.ts'
import { type SshdHost, type SshdHostOptions, startSshdHost } from '../cluster/sshd-host.ts'
import { type HostUnderTest, TEST_TIMING } from './host.ts'
import { makeHostConfig } from './host-config.ts'

/** Those that are installed, as paths. */
export const LOGIN_SHELLS: readonly string[] = (['bash', 'dash', 'zsh', 'fish', 'tcsh', 'ksh', 'mksh', 'busybox'] as const)
  .filter((name) => !lacks(name))
  .map((name) => `/usr/bin/${name}`)

/** Any host; what its login files say is its own affair. */
export async function startDisguisedHostUnderTest(options: Partial<SshdHostOptions>): Promise<HostUnderTest> {
  return toHostUnderTest(await startSshdHost({ name: 'contract', ...options }), async () => {})
}

export async function startSshHostUnderTest(shell: string): Promise<HostUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-shell-'))
  await writeLoginFiles(folder)
  // busybox is a shell by that name only.
  const ash = join(folder, 'ash')
  await symlink('/usr/bin/busybox', ash)
  const server = await startSshdHost({
    name: 'contract',
    loginShell: shell.endsWith('busybox') ? ash : shell,
    sshdOptions: [`SetEnv HOME=${folder}`],
  })
  return toHostUnderTest(server, async () => await rm(folder, { recursive: true }))
}

function toHostUnderTest(server: SshdHost, tidy: () => Promise<void>): HostUnderTest {
  const { address, port, user, identityFile, knownHostsFile } = server
  const place = { address, port, user, identityFile, knownHosts: knownHostsFile }
  return {
    options: {
      config: makeHostConfig({ name: 'there', type: 'streaming', workingDir: server.workingFolder, ...place }),
      sshProgram: undefined,
      env: { PATH: process.env.PATH },
      homeFolder: homedir(),
      timing: TEST_TIMING,
    },
    processes: async () => (await server.processes()).filter(({ args }) => !/^(?:sshd: |\/usr\/sbin\/dropbear )/.test(args)),
    log: () => server.log(),
    async [Symbol.asyncDispose]() {
      await server.stop()
      await tidy()
    },
  }
}

/** Login files that speak where nobody asked, as those of real people do; and not this machine's own, which may take seconds. */
async function writeLoginFiles(home: string): Promise<void> {
  await mkdir(join(home, '.config', 'fish'), { recursive: true })
  const noise = 'echo Welcome; echo "@start 1 2 group"; sh -c "echo careful >&2"; printf "no line end"\n'
  for (const name of ['.bashrc', '.zshenv', '.config/fish/config.fish', '.tcshrc']) await writeFile(join(home, name), noise)
}
