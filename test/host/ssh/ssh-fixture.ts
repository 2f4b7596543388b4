/** What the SSH tests share: a home folder, keys, an agent, and transports to test hosts. */

import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createHostConfig } from '../../../src/host/create-host-config.ts'
import { toClientArguments } from '../../../src/host/ssh/client-arguments.ts'
import { loadSshSettings, toDestination } from '../../../src/host/ssh/ssh-settings.ts'
import { createSshTransport, type SshTransport, type SshTransportOptions } from '../../../src/host/ssh/ssh-transport.ts'
import type { Client } from '../../../src/host/ssh/standby.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import type { SshdHost } from '../../cluster/sshd-host.ts'
import { waitUntil } from '../../wait-until.ts'

export interface TestHome extends AsyncDisposable {
  readonly folder: string
  /** Writes a file below the home folder and returns its path. */
  write(name: string, content: string): Promise<string>
  makeKey(name: string, options?: { readonly type?: string; readonly passphrase?: string; readonly extra?: readonly string[] }): string
}

export async function createHome(): Promise<TestHome> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-home-'))
  await mkdir(join(folder, '.ssh'), { mode: 0o700 })
  return {
    folder,
    async write(name, content) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content, { mode: 0o600 })
      return join(folder, name)
    },
    makeKey(name, { type = 'ed25519', passphrase = '', extra = [] } = {}) {
      const file = join(folder, name)
      const args = ['-q', '-t', type, '-N', passphrase, '-C', name, '-f', file, ...extra]
      const { status, stderr } = spawnSync('ssh-keygen', args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
      return file
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

export function toHostConfig(parts: Partial<HostConfig>): HostConfig {
  return createHostConfig({ name: 'test-host', type: 'streaming', ...parts })
}

/** Everything about the host named explicitly. */
export function configOf(host: SshdHost, parts: Partial<HostConfig> = {}): HostConfig {
  const { name, address, port, user, identityFile, knownHostsFile } = host
  return toHostConfig({ name, address, port, user, identityFile, knownHosts: knownHostsFile, ...parts })
}

export function createTransport(home: TestHome, host: HostConfig, more: Partial<SshTransportOptions> = {}): SshTransport {
  const env = { PATH: process.env.PATH, ...more.env }
  return createSshTransport({ sshProgram: undefined, homeFolder: home.folder, ...more, env, host })
}

/** The system's OpenSSH client, told to reach this host. */
export async function createClient(home: TestHome, host: SshdHost, hostKey = host.hostPublicKey): Promise<Client> {
  const env = { PATH: process.env.PATH }
  const settings = await loadSshSettings(toDestination(configOf(host)), { sshProgram: undefined, env: {}, homeFolder: home.folder })
  const key = Buffer.from(hostKey.split(' ')[1] ?? '', 'base64')
  const fit = toClientArguments({ settings, hostKey: key, keepaliveSeconds: 5, keepalivesUnanswered: 3 })
  if ('unfit' in fit) throw new Error(fit.unfit)
  return { program: 'ssh', argv: fit.argv, env, address: '', fromBusyRatio: 0, beginMs: 30_000, run: async () => undefined }
}

export async function run(
  transport: SshTransport,
  commandLine: string,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const channel = await transport.openCommand(commandLine)
  let stdout = ''
  let stderr = ''
  channel.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  channel.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  channel.stdin.end()
  const { status } = await channel.exit
  return { status, stdout, stderr }
}

export interface TestAgent extends AsyncDisposable {
  readonly socket: string
  add(keyFile: string): void
}

export async function startAgent(home: TestHome): Promise<TestAgent> {
  const socket = join(home.folder, 'agent.sock')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  const list = (): number | null => spawnSync('ssh-add', ['-l'], { env, stdio: 'ignore' }).status
  await waitUntil(() => list() === 1, { what: 'the agent answers' })
  return {
    socket,
    add(keyFile) {
      const { status, stderr } = spawnSync('ssh-add', ['-q', keyFile], { env, encoding: 'utf8' })
      if (status !== 0) throw new Error(stderr)
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => agent.once('close', resolve))
      agent.kill()
      await ended
    },
  }
}
