/** Machines to SSH into that share nothing with this one: containers of test/containers/Dockerfile, reached through a port on loopback. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers'
import { onFreePort } from '../cluster/on-free-port.ts'

const IMAGE = 'encode-test-host'

export interface ContainerHost extends AsyncDisposable {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly identityFile: string
  readonly knownHostsFile: string
  /** Runs a command there without SSH; its standard output. */
  exec(...command: string[]): Promise<string>
  /** Command lines of the ffmpeg and ffprobe processes that run there. */
  encoders(): Promise<readonly string[]>
  /** The machine dies, and with it all its connections. */
  kill(): Promise<void>
  /** Every process stands still; nobody is told. */
  pause(): Promise<void>
  unpause(): Promise<void>
  /** The network goes, and comes back with the same address. */
  disconnect(): Promise<void>
  reconnect(): Promise<void>
}

export interface ContainerHostOptions {
  /** A folder of this machine, under the same path there, which cannot be written to. */
  readonly readOnlyMount?: string
  /** The disk that `/var/tmp/encode` is on. */
  readonly workDiskBytes?: number
}

/** Builds the image; seconds where `.ci/docker up` has made its layers. */
export async function buildImage(): Promise<void> {
  await GenericContainer.fromDockerfile(import.meta.dirname).build(IMAGE, { deleteOnExit: false })
}

export async function startContainerHost(name: string, options: ContainerHostOptions = {}): Promise<ContainerHost> {
  const folder = await mkdtemp(join(tmpdir(), `encode-container-${name}-`))
  const identityFile = join(folder, 'identity')
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identityFile])
  const publicKey = await readFile(`${identityFile}.pub`, 'utf8')
  // A port of our choice: Docker would choose another one when the network comes back.
  const container = await onFreePort('127.0.0.1', async (port) => await startContainer(port, publicKey, options))

  const exec = async (...command: string[]): Promise<string> => (await container.exec(command)).stdout
  const address = container.getHost() === 'localhost' ? '127.0.0.1' : container.getHost()
  const port = container.getMappedPort(22)
  const knownHostsFile = join(folder, 'known_hosts')
  await writeFile(knownHostsFile, `[${address}]:${port} ${await exec('cat', '/etc/ssh/ssh_host_ed25519_key.pub')}`)

  const { dockerode } = (await getContainerRuntimeClient()).container
  const inDocker = dockerode.getContainer(container.getId())
  const network = dockerode.getNetwork('bridge')

  let isGone = false
  const remove = async (): Promise<void> => {
    if (isGone) return
    isGone = true
    await stop(container)
  }
  return {
    name,
    address,
    port,
    identityFile,
    knownHostsFile,
    exec,
    encoders: async () => (await exec('ps', '-eo', 'args=')).split('\n').filter((line) => /^\S*ff(mpeg|probe)\b/.test(line)),
    kill: remove,
    pause: () => inDocker.pause(),
    unpause: () => inDocker.unpause(),
    disconnect: () => network.disconnect({ Container: container.getId() }),
    reconnect: () => network.connect({ Container: container.getId() }),
    async [Symbol.asyncDispose]() {
      await remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** KILL at once: sshd has nothing to say goodbye for. */
async function stop(container: StartedTestContainer): Promise<void> {
  await container.stop({ timeout: 0, remove: true })
}

async function startContainer(port: number, publicKey: string, options: ContainerHostOptions): Promise<StartedTestContainer> {
  return await new GenericContainer(IMAGE)
    .withExposedPorts({ container: 22, host: port })
    .withBindMounts(
      options.readOnlyMount === undefined ? [] : [{ source: options.readOnlyMount, target: options.readOnlyMount, mode: 'ro' }],
    )
    .withTmpFs(options.workDiskBytes === undefined ? {} : { '/var/tmp/encode': `size=${options.workDiskBytes}` })
    .withCopyContentToContainer([{ content: publicKey, target: '/root/.ssh/authorized_keys', mode: 0o600 }])
    .withWaitStrategy(Wait.forLogMessage(/Server listening on 0\.0\.0\.0 port 22/))
    .start()
}
