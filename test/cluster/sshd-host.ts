/**
 * A machine to SSH into, made from this one: a real OpenSSH server on loopback in a mount and a pid namespace of its own,
 * with throw-away keys. It can see a file tree that differs from the controller's, can have any login shell, and can die as a
 * machine dies. Nothing outlives the process that started it: the namespace's init reads a pipe from it and ends with it.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { lacks } from '../capabilities.ts'
import { onFreePort } from './on-free-port.ts'
import { fingerprintOf, type HostFiles, writeHostFiles, writeServerFiles } from './sshd-host-files.ts'
import { bootMachine, listProcesses } from './sshd-machine.ts'

export interface SshdHostOptions {
  readonly name: string
  /** Root's login shell on this host, an absolute path. */
  readonly loginShell?: string
  /** Folders that this host cannot see: each is covered by an empty one. */
  readonly hide?: readonly string[]
  /** Folders of the controller that this host sees under another path; done before hiding. */
  readonly bind?: readonly { readonly from: string; readonly to: string }[]
  /** Lines of sshd_config; they win over the lines made here. */
  readonly sshdOptions?: readonly string[]
  /** PATH of the commands run there. */
  readonly path?: string
  /** An address of 127.0.0.0/8. */
  readonly address?: string
  /** The working folder is a disk of its own, of that size; it is empty after a restart, and only the host sees it (`seenFrom`). */
  readonly workDiskBytes?: number
  /** Lines of bash, run in its mount namespace before the server starts, with `$folder` for its own files. */
  readonly boot?: string
  /** OpenSSH's unless told; `sshdOptions` are for that one alone, and of them only a PATH is for both. */
  readonly server?: 'openssh' | 'dropbear'
}

export interface HostProcess {
  /** As the controller's machine numbers it. */
  readonly pid: number
  readonly args: string
}

export interface SshdHost extends AsyncDisposable {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly user: string
  readonly identityFile: string
  readonly authorizedKeysFile: string
  readonly knownHostsFile: string
  /** As ssh shows it: `SHA256:…`. */
  readonly hostKeyFingerprint: string
  /** `ssh-ed25519 AAAA…` */
  readonly hostPublicKey: string
  /** A folder of its own, seen by the host and the controller under the same path. */
  readonly workingFolder: string
  /** Root's home on this host. */
  readonly homeFolder: string
  /** What runs on this host now, but for the listening sshd (the namespace's init) and what holds the host itself up. */
  processes(): Promise<readonly HostProcess[]>
  /** What sshd has logged. */
  log(): string
  /** A path of the host as this machine reaches it, while the host lives. */
  seenFrom(path: string): string
  /** Runs a program that sees the host's files, past its sshd. */
  enter(argv: readonly string[]): Promise<void>
  /** The machine dies: no process of it gets to do anything more. Its files stay until `stop`. */
  kill(): Promise<void>
  /** Boots it again after `kill`: same address, port and keys. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Whether this process may start hosts: root on Linux, with sshd and namespaces. */
export const canStartHosts: boolean = !lacks('hosts')

export async function startSshdHost(options: SshdHostOptions): Promise<SshdHost> {
  const folder = await mkdtemp(join(tmpdir(), `encode-host-${options.name.replace(/[^\w-]/g, '_')}-`))
  const made: string[] = [folder]
  try {
    for (const { to } of options.bind ?? []) {
      const first = await mkdir(to, { recursive: true })
      if (first !== undefined) made.push(first)
    }
    const files = await writeHostFiles(folder, options)
    const address = options.address ?? '127.0.0.1'
    return await onFreePort(address, async (port) => await startOnPort(port, { folder, files, options, address, made }))
  } catch (error) {
    await removeAll(made)
    throw error
  }
}

interface Place {
  readonly folder: string
  readonly files: HostFiles
  readonly options: SshdHostOptions
  readonly address: string
  /** To be removed with it. */
  readonly made: readonly string[]
}

async function startOnPort(port: number, { folder, files, options, address, made }: Place): Promise<SshdHost> {
  await writeServerFiles(folder, address, port, options)
  await writeFile(files.knownHostsFile, `[${address}]:${port} ${files.hostPublicKey}\n`)

  const boot = () => bootMachine(folder, files, options)
  let machine = await boot()
  /** One at a time. */
  let restarting = Promise.resolve()

  async function restart(): Promise<void> {
    await kill()
    for (let attempt = 1; ; attempt += 1) {
      try {
        const next = await boot()
        machine.forget()
        machine = next
        return
      } catch (error) {
        // A connection of another program may have been given the port while nobody listened on it.
        if (attempt === 20 || !String(error).includes('Address already in use')) throw error
        await sleep(250)
      }
    }
  }

  async function kill(): Promise<void> {
    // unshare ends after its child, and the kernel lets a namespace's init go only when all of its processes are gone.
    if (machine.isAlive()) process.kill(machine.init, 'SIGKILL')
    await machine.ended
  }
  async function stop(): Promise<void> {
    await restarting.catch(() => {})
    await kill()
    machine.forget()
    await removeAll(made)
  }
  return {
    name: options.name,
    address,
    port,
    user: 'root',
    identityFile: files.identityFile,
    authorizedKeysFile: files.authorizedKeysFile,
    knownHostsFile: files.knownHostsFile,
    hostKeyFingerprint: fingerprintOf(files.hostPublicKey),
    hostPublicKey: files.hostPublicKey,
    workingFolder: files.workingFolder,
    homeFolder: files.homeFolder,
    processes: async () => {
      const { init, namespace, isForgotten } = machine
      if (isForgotten()) return []
      const isOwn = ({ pid, args }: HostProcess): boolean => pid === init || args.includes(` init ${folder}`)
      return (await listProcesses(namespace)).filter((entry) => !isOwn(entry))
    },
    log: () => machine.log(),
    seenFrom: (path) => `/proc/${machine.init}/root${path}`,
    enter: async (argv) => {
      // Not in its pid namespace: nsenter would stand still, for good, with a child that is stopped.
      await promisify(execFile)('nsenter', ['--target', String(machine.init), '--mount', ...argv])
    },
    kill,
    restart: () => {
      restarting = restarting.catch(() => {}).then(restart)
      return restarting
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of [...paths].reverse()) await rm(path, { recursive: true, force: true })
}
