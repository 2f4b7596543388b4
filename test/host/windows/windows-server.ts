/**
 * An SSH server that does what Microsoft's Win32-OpenSSH does (told from its public source), with wine behind it: commands for cmd.exe or
 * PowerShell in a job object (session.c); a signal ends the shell with status 0; nothing is ended after a disconnect but stdin; SFTP with
 * paths as `/C:/x`, in whatever case, and without rename over, or removal of, a file that is open.
 */

import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import ssh2, { type Connection, type ServerChannel, type SFTPWrapper } from 'ssh2'
import { openCutLink } from '../../cluster/cut-link.ts'
import { findProcesses, type Wine } from './wine.ts'

const { OPEN_MODE, STATUS_CODE: STATUS, flagsToString } = ssh2.utils.sftp

export interface WindowsServerOptions {
  readonly wine: Wine
  readonly defaultShell?: 'cmd' | 'powershell'
  /** Puts a stand-in for PowerShell on the PATH; without it there is wine's stub, which does nothing. */
  readonly hasPowerShell?: boolean
  /** The drive takes no larger files, as one with FAT32. */
  readonly maxFileBytes?: number
}

export interface WindowsServer extends AsyncDisposable {
  readonly port: number
  readonly user: string
  readonly identityFile: string
  readonly knownHostsFile: string
  /** On the host, and the same folder here. */
  readonly folder: string
  readonly localFolder: string
  /** Commands that were started, in order. */
  readonly commands: readonly string[]
  /** What runs there for this server. */
  processes(): Promise<readonly string[]>
  /** No byte passes any more, in either direction, as when a cable is pulled. */
  cutNetwork(): void
}

export interface EmulatedServer extends WindowsServer {
  /** As a router does that is started again. */
  breakConnections(): void
}

const USER = 'win'

export async function startWindowsServer(options: WindowsServerOptions): Promise<EmulatedServer> {
  const { wine } = options
  const keys = await mkdtemp(join(tmpdir(), 'encode-windows-'))
  const makeKey = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)])
    return join(keys, name)
  }
  const [hostKey, identityFile] = [makeKey('host'), makeKey('user')]
  const name = `t${randomBytes(4).toString('hex')}`
  const localFolder = join(wine.driveC, name)
  await mkdir(localFolder)
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const publicKey = ssh2.utils.parseKey(await readFile(`${identityFile}.pub`, 'utf8'))
  if (publicKey instanceof Error) throw publicKey
  const hostKeys = [await readFile(hostKey)]
  const ssh = new ssh2.Server({ hostKeys, ident: 'OpenSSH_for_Windows_9.5' }, (client: Connection) => {
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method !== 'publickey' || context.username !== USER) return context.reject(['publickey'])
      if (!context.key.data.equals(publicKey.getPublicSSH())) return context.reject()
      if (context.signature && context.blob && !publicKey.verify(context.blob, context.signature, context.hashAlgo)) return context.reject()
      context.accept()
    })
    serveForwarding(client)
    client.on('session', (accept) => {
      const session = accept()
      let kill: (() => void) | undefined
      session.on('signal', (accepted) => {
        kill?.()
        accepted?.()
      })
      session.on('exec', (accepted, _rejected, { command }) => {
        commands.push(command)
        kill = runCommand(accepted(), command, options, name)
      })
      session.on('sftp', (accepted) => serveFiles(accepted(), { driveC: wine.driveC, home: `/C:/${name}`, ...options }))
    })
  })
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    ssh.injectSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const link = await openCutLink({ address: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const { port } = link
  const knownHostsFile = join(keys, 'known_hosts')
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`)
  const processes = async (): Promise<readonly string[]> => (await findProcesses(name)).map(({ args }) => args)
  return {
    port,
    user: USER,
    identityFile,
    knownHostsFile,
    folder: `C:\\${name}`,
    localFolder,
    commands,
    processes,
    breakConnections() {
      for (const socket of sockets) socket.destroy()
    },
    cutNetwork: link.cut,
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]()
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      // Each session leads a group, of which not all bear the name.
      for (const { pid } of await findProcesses(name)) {
        end(-pid)
        end(pid)
      }
      await rm(localFolder, { recursive: true, force: true })
      await rm(keys, { recursive: true })
    },
  }
}

/** Ports on the loopback whose connections go to the client. */
function serveForwarding(client: Connection): void {
  const listeners = new Map<number, Server>()
  client.on('request', (accept, reject, name, { bindAddr, bindPort }) => {
    if (name === 'cancel-tcpip-forward') {
      listeners.get(bindPort)?.close()
      accept?.()
      return
    }
    const listener = createServer((socket) => {
      const { remoteAddress = '', remotePort = 0 } = socket
      socket.on('error', () => undefined)
      client.forwardOut(bindAddr, (listener.address() as AddressInfo).port, remoteAddress, remotePort, (error, channel) => {
        if (error !== undefined) {
          socket.destroy()
          return
        }
        channel.on('error', () => undefined)
        socket.pipe(channel).pipe(socket)
      })
    })
    listener.once('error', () => reject?.())
    listener.listen(bindPort, bindAddr, () => {
      const { port } = listener.address() as AddressInfo
      listeners.set(port, listener)
      accept?.(port)
    })
  })
  client.on('close', () => {
    for (const listener of listeners.values()) listener.close()
  })
}

/** @returns what a signal does: the shell is terminated, and its status is 0. */
function runCommand(channel: ServerChannel, command: string, options: WindowsServerOptions, name: string): () => void {
  const { wine, defaultShell = 'cmd', hasPowerShell = false } = options
  const paths = ['C:\\ffmpeg\\bin', ...(hasPowerShell ? ['C:\\powershell'] : [])]
  const argv = ['C:\\tools\\session.exe', defaultShell, Buffer.from(command).toString('hex'), name]
  const env = { ...wine.env, WINEPATH: paths.join(';') }
  const child = spawn('/usr/bin/wine', argv, { env, cwd: wine.driveC, detached: true, stdio: 'pipe' })
  let isKilled = false
  channel.on('error', () => undefined)
  channel.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  channel.on('close', () => {
    child.stdin.end()
    child.stdout.destroy()
    child.stderr.destroy()
  })
  child.on('close', (status) => {
    if (!channel.writable) return
    channel.exit(isKilled ? 0 : (status ?? 0))
    channel.end()
  })
  return () => {
    isKilled = true
    if (child.pid !== undefined) end(-child.pid)
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

interface Handle {
  readonly descriptor?: number
  readonly path: string
  entries?: string[]
}

/** How many have a file open, on all servers: Windows forbids much of what is open. */
const openFiles = new Map<string, number>()

function serveFiles(
  sftp: SFTPWrapper,
  {
    driveC,
    home,
    maxFileBytes = Number.POSITIVE_INFINITY,
  }: Pick<WindowsServerOptions, 'maxFileBytes'> & { readonly driveC: string; readonly home: string },
): void {
  const handles = new Map<number, Handle>()
  let lastHandle = 0

  /** As an absolute path in the server's form. */
  function normalize(path: string): string {
    let slashed = path.replaceAll('\\', '/')
    if (/^[A-Za-z]:/.test(slashed)) slashed = `/${slashed}`
    if (!slashed.startsWith('/')) slashed = `${home}/${slashed}`
    const parts: string[] = []
    for (const part of slashed.split('/')) {
      if (part === '..') parts.pop()
      else if (part !== '' && part !== '.') parts.push(part)
    }
    return `/${parts.join('/')}`
  }

  function toLocal(path: string): string {
    const match = /^\/([A-Za-z]):(.*)$/.exec(normalize(path))
    if (match === null || match[1]?.toLowerCase() !== 'c') throw Object.assign(new Error('No such drive'), { code: 'ENOENT' })
    let found = driveC
    for (const part of (match[2] ?? '').split('/').filter((each) => each !== '')) {
      if (/[<>"|?*:]/.test(part)) throw Object.assign(new Error('Bad name'), { code: 'ENOENT' })
      const exact = join(found, part)
      const names = existsSync(exact) || !existsSync(found) ? [] : readdirSync(found)
      found = join(found, names.find((each) => each.toLowerCase() === part.toLowerCase()) ?? part)
    }
    return found
  }

  function serve<Arguments extends readonly unknown[]>(work: (id: number, ...given: Arguments) => void) {
    return (id: number, ...given: Arguments): void => {
      try {
        work(id, ...given)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const isGone = code === 'ENOENT' || code === 'ENOTDIR'
        sftp.status(id, isGone ? STATUS.NO_SUCH_FILE : code === 'EACCES' ? STATUS.PERMISSION_DENIED : STATUS.FAILURE)
      }
    }
  }

  function hold(handle: Handle): Buffer {
    const id = Buffer.alloc(4)
    lastHandle += 1
    id.writeUInt32BE(lastHandle)
    handles.set(lastHandle, handle)
    return id
  }

  function find(id: Buffer): Handle & { readonly descriptor: number } {
    const handle = handles.get(id.readUInt32BE(0))
    if (handle?.descriptor === undefined) throw new Error('No such handle')
    return handle as Handle & { readonly descriptor: number }
  }

  function close(id: number, handle: Handle): void {
    handles.delete(id)
    if (handle.descriptor === undefined) return
    closeSync(handle.descriptor)
    openFiles.set(handle.path, (openFiles.get(handle.path) ?? 1) - 1)
  }

  const isOpen = (path: string): boolean => (openFiles.get(path) ?? 0) > 0
  const ok = (id: number): void => sftp.status(id, STATUS.OK)
  const toAttributes = (found: Stats) => ({
    mode: found.isDirectory() ? 0o40700 : 0o100600,
    uid: 0,
    gid: 0,
    size: found.size,
    atime: Math.floor(found.atimeMs / 1000),
    mtime: Math.floor(found.mtimeMs / 1000),
  })
  const stat = serve((id: number, path: string) => sftp.attrs(id, toAttributes(statSync(toLocal(path)))))

  sftp.on('error', () => undefined)
  sftp.on('close', () => {
    for (const [id, handle] of handles) close(id, handle)
  })
  sftp.on('REALPATH', (id, path) => {
    const filename = normalize(path)
    sftp.name(id, [{ filename, longname: filename, attrs: toAttributes(statSync(driveC)) }])
  })
  sftp.on('STAT', stat)
  sftp.on('LSTAT', stat)
  sftp.on(
    'OPEN',
    serve((id: number, name: string, flags: number) => {
      const path = toLocal(name)
      // Root may write it all the same.
      if (flags & OPEN_MODE.WRITE && existsSync(path) && (statSync(path).mode & 0o200) === 0) {
        throw Object.assign(new Error('Read-only'), { code: 'EACCES' })
      }
      const descriptor = openSync(path, flagsToString(flags) ?? 'r')
      openFiles.set(path, (openFiles.get(path) ?? 0) + 1)
      sftp.handle(id, hold({ descriptor, path }))
    }),
  )
  sftp.on(
    'READ',
    serve((id: number, handle: Buffer, offset: number, length: number) => {
      const bytes = Buffer.alloc(Math.min(length, 256 * 1024))
      const count = readSync(find(handle).descriptor, bytes, 0, bytes.length, offset)
      if (count === 0) sftp.status(id, STATUS.EOF)
      else sftp.data(id, bytes.subarray(0, count))
    }),
  )
  sftp.on(
    'WRITE',
    serve((id: number, handle: Buffer, offset: number, bytes: Buffer) => {
      if (offset + bytes.length > maxFileBytes) throw new Error('Too large')
      writeSync(find(handle).descriptor, bytes, 0, bytes.length, offset)
      ok(id)
    }),
  )
  sftp.on(
    'FSTAT',
    serve((id: number, handle: Buffer) => sftp.attrs(id, toAttributes(fstatSync(find(handle).descriptor)))),
  )
  sftp.on(
    'CLOSE',
    serve((id: number, handle: Buffer) => {
      const key = handle.readUInt32BE(0)
      const held = handles.get(key)
      if (held !== undefined) close(key, held)
      ok(id)
    }),
  )
  sftp.on(
    'OPENDIR',
    serve((id: number, name: string) => {
      const path = toLocal(name)
      sftp.handle(id, hold({ path, entries: readdirSync(path) }))
    }),
  )
  sftp.on(
    'READDIR',
    serve((id: number, handle: Buffer) => {
      const held = handles.get(handle.readUInt32BE(0))
      const names = held?.entries?.splice(0, 100) ?? []
      if (held === undefined || names.length === 0) return sftp.status(id, STATUS.EOF)
      sftp.name(
        id,
        names.map((filename) => ({ filename, longname: filename, attrs: toAttributes(statSync(join(held.path, filename))) })),
      )
    }),
  )
  sftp.on(
    'MKDIR',
    serve((id: number, path: string) => {
      mkdirSync(toLocal(path))
      ok(id)
    }),
  )
  sftp.on(
    'RMDIR',
    serve((id: number, path: string) => {
      rmdirSync(toLocal(path))
      ok(id)
    }),
  )
  sftp.on(
    'REMOVE',
    serve((id: number, name: string) => {
      const path = toLocal(name)
      if (isOpen(path)) throw new Error(`"${basename(path)}" is open`)
      unlinkSync(path)
      ok(id)
    }),
  )
  sftp.on(
    'RENAME',
    serve((id: number, from: string, to: string) => {
      if (existsSync(toLocal(to)) || isOpen(toLocal(from))) throw new Error('It is there, or open')
      renameSync(toLocal(from), toLocal(to))
      ok(id)
    }),
  )
  sftp.on(
    'EXTENDED',
    serve((id: number, name: string, data: Buffer) => {
      const first = data.toString('utf8', 4, 4 + data.readUInt32BE(0))
      if (name !== 'posix-rename@openssh.com') return sftp.status(id, STATUS.OP_UNSUPPORTED)
      const second = data.toString('utf8', 8 + Buffer.byteLength(first))
      if (isOpen(toLocal(first)) || isOpen(toLocal(second))) throw new Error('It is open')
      renameSync(toLocal(first), toLocal(second))
      ok(id)
    }),
  )
}
