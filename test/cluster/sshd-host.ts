/**
 * A machine to SSH into, made from this one: a real OpenSSH server on loopback in a mount and a pid namespace of its own,
 * with throw-away keys. It can see a file tree that differs from the controller's, can have any login shell, and can die as a
 * machine dies. Nothing outlives the process that started it: the namespace's init reads a pipe from it and ends with it.
 */

import { execFile, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { lacks } from '../capabilities.ts'

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

const SSHD = '/usr/sbin/sshd'
const DROPBEAR = '/usr/sbin/dropbear'

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
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await startOnFreePort(folder, files, options, made)
      } catch (error) {
        // Another process can take the port between asking for a free one and sshd's bind.
        if (attempt === 5 || !String(error).includes('Address already in use')) throw error
      }
    }
  } catch (error) {
    await removeAll(made)
    throw error
  }
}

/** Asks until the answer is yes. Rejects, naming `what`, when that takes longer than `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<void> {
  const { what, timeoutMs = 15_000, everyMs = 20 } = options
  const deadline = performance.now() + timeoutMs
  for (;;) {
    if (await condition()) return
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`)
    await sleep(everyMs)
  }
}

interface HostFiles {
  readonly hostPublicKey: string
  readonly identityFile: string
  readonly authorizedKeysFile: string
  readonly knownHostsFile: string
  readonly workingFolder: string
  readonly homeFolder: string
  /** Files to lay over those of the machine, as `from:to` pairs. */
  readonly covers: readonly { readonly from: string; readonly to: string }[]
}

async function writeHostFiles(folder: string, options: SshdHostOptions): Promise<HostFiles> {
  const at = (name: string): string => join(folder, name)
  makeKey(at('host_key'), options.name)
  makeKey(at('identity'), 'encode-test')
  await mkdir(at('work'))
  await writeFile(at('authorized_keys'), await readFile(at('identity.pub')), { mode: 0o600 })
  // A home of its own: what this machine's root runs at login (and locks) is no business of a test host.
  await mkdir(at('home'), { mode: 0o700 })
  if (options.boot !== undefined) await writeFile(at('boot'), `${options.boot}\n`)
  if (options.server === 'dropbear') {
    await promisify(execFile)('dropbearconvert', ['openssh', 'dropbear', at('host_key'), at('host_key.dropbear')])
    await mkdir(at('home/.ssh'), { mode: 0o700 })
    await writeFile(at('home/.ssh/authorized_keys'), await readFile(at('identity.pub')), { mode: 0o600 })
  }
  const passwd = await readFile('/etc/passwd', 'utf8')
  await writeFile(
    at('passwd'),
    passwd.replace(
      /^(root:.*):[^:\n]*:([^:\n]*)$/m,
      (_line, head: string, shell: string) => `${head}:${at('home')}:${options.loginShell ?? shell}`,
    ),
  )
  const covers = [{ from: at('passwd'), to: '/etc/passwd' }]
  // Without PAM sshd refuses an account whose password field begins with `!`, whatever its keys.
  const shadow = await readFile('/etc/shadow', 'utf8').catch(() => '')
  if (/^root:!/m.test(shadow)) {
    await writeFile(at('shadow'), shadow.replace(/^root:[^:]*/m, 'root:*'), { mode: 0o600 })
    covers.push({ from: at('shadow'), to: '/etc/shadow' })
  }
  const [type, blob] = (await readFile(at('host_key.pub'), 'utf8')).split(' ')
  return {
    hostPublicKey: `${type} ${blob}`,
    identityFile: at('identity'),
    authorizedKeysFile: at('authorized_keys'),
    knownHostsFile: at('known_hosts'),
    workingFolder: at('work'),
    homeFolder: at('home'),
    covers,
  }
}

/**
 * Makes the namespace and becomes its init, sshd, which reaps orphans at once. Arguments: folder, then binds, covers, disks
 * and hidden folders as `b FROM TO`, `t BYTES FOLDER`, `h FOLDER`. Its stdin is a pipe from the process that wants the host; at its end nobody wants it any more.
 */
const INIT = `
set -e
folder=$1; shift; cd "$folder"
while [ $# -gt 0 ]; do
  case $1 in
    b) mount --bind "$2" "$3"; shift 3 ;;
    t) mount -t tmpfs -o "size=$2" disk "$3"; shift 3 ;;
    h) mount -t tmpfs -o mode=755 hidden "$2"
       case $folder/ in "$2"/*) mkdir -p "$folder"; mount -c --bind . "$folder" ;; esac
       shift 2 ;;
  esac
done
[ ! -e boot ] || . ./boot
mkdir -p /run/sshd; cd /
{ exec >/dev/null 2>&1; while read -r _; do :; done; kill -TERM 1; } <&0 &
. "$folder/serve"
`

async function startOnFreePort(folder: string, files: HostFiles, options: SshdHostOptions, made: readonly string[]): Promise<SshdHost> {
  const address = options.address ?? '127.0.0.1'
  const port = await findFreePort(address)
  await writeFile(join(folder, 'sshd_config'), sshdConfig(folder, address, port, options))
  await writeFile(join(folder, 'serve'), serveLine(address, port, options))
  await writeFile(files.knownHostsFile, `[${address}]:${port} ${files.hostPublicKey}\n`)

  const boot = () => bootHost(folder, files, options)
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

interface Machine {
  readonly init: number
  readonly namespace: string
  readonly ended: Promise<void>
  isAlive(): boolean
  log(): string
  /** Nothing is asked of it any more. */
  forget(): void
  isForgotten(): boolean
}

async function bootHost(folder: string, files: HostFiles, options: SshdHostOptions): Promise<Machine> {
  const binds = [...files.covers, ...(options.bind ?? [])].flatMap(({ from, to }) => ['b', from, to])
  const disks = options.workDiskBytes === undefined ? [] : ['t', String(options.workDiskBytes), files.workingFolder]
  const hides = (options.hide ?? []).flatMap((hidden) => ['h', hidden.replace(/(?<=.)\/+$/, '')])
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      '--mount-proc',
      'bash',
      '-c',
      INIT,
      'init',
      folder,
      ...binds,
      ...disks,
      ...hides,
    ],
    // A session of its own: Ctrl-C on the terminal is for the controller, not for its hosts.
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  )
  let log = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-65_536)
      if (/Server listening on|Not backgrounding/.test(log)) resolve()
    })
    child.once('close', () => reject(new Error(`Host "${options.name}" did not start: ${log.trim()}`)))
  })
  child.stdin.on('error', () => undefined)
  await ready
  const init = await findOnlyChild(Number(child.pid))
  // Held open: the kernel gives the number of a namespace that is gone to the next one, which would be another test's host.
  let held: number | undefined = openSync(`/proc/${init}/ns/pid`, 'r')
  return {
    init,
    namespace: await readlink(`/proc/${init}/ns/pid`),
    forget() {
      if (held !== undefined) closeSync(held)
      held = undefined
    },
    isForgotten: () => held === undefined,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    log: () => log,
  }
}

function sshdConfig(folder: string, address: string, port: number, options: SshdHostOptions): string {
  return [
    ...(options.sshdOptions ?? []),
    ...(options.path === undefined ? [] : [`SetEnv PATH=${options.path}`]),
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${folder}/host_key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'UseDNS no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PrintMotd no',
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n')
}

/** What makes the namespace's init the server. */
function serveLine(address: string, port: number, { server = 'openssh', path }: SshdHostOptions): string {
  if (server === 'openssh') return `exec ${SSHD} -D -e -f "$folder/sshd_config" </dev/null\n`
  const env = path === undefined ? '' : `PATH=${path} `
  return `${env}exec ${DROPBEAR} -F -E -s -r "$folder/host_key.dropbear" -p ${address}:${port} </dev/null\n`
}

function makeKey(file: string, comment: string): void {
  const { status, stderr } = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ssh-keygen made no key: ${stderr}`)
}

function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

async function findFreePort(address: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, address, () => {
      const bound = server.address()
      server.close(() => (bound !== null && typeof bound === 'object' ? resolve(bound.port) : reject(new Error('No port was bound'))))
    })
  })
}

async function findOnlyChild(pid: number): Promise<number> {
  const child = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim())
  if (!Number.isInteger(child) || child <= 0) throw new Error(`Process ${pid} has no single child`)
  return child
}

async function listProcesses(namespace: string): Promise<readonly HostProcess[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))
  const found = await Promise.all(
    pids.map(async (entry) => {
      try {
        // A zombie has lost its namespace link and its arguments: it is gone but for its exit status.
        if ((await readlink(`/proc/${entry}/ns/pid`)) !== namespace) return undefined
        const args = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replace(/\0+$/, '').replaceAll('\0', ' ')
        return args === '' ? undefined : { pid: Number(entry), args }
      } catch {
        return undefined // it ended meanwhile
      }
    }),
  )
  return found.filter((entry) => entry !== undefined)
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of [...paths].reverse()) await rm(path, { recursive: true, force: true })
}
