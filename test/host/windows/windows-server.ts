/**
 * An SSH server that does what Microsoft's Win32-OpenSSH does (told from its public source), with wine behind it: commands for cmd.exe or
 * PowerShell (windows-session.ts); a signal ends the shell with status 0; nothing is ended after a disconnect but stdin; SFTP
 * (windows-sftp.ts).
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2, { type Connection } from 'ssh2'
import { openCutLink } from '../../cluster/cut-link.ts'
import { serveForwarding } from './windows-forwarding.ts'
import { runSession } from './windows-session.ts'
import { serveWindowsFiles } from './windows-sftp.ts'
import type { Wine } from './wine.ts'
import { endSessions, findProcesses } from './wine-processes.ts'

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
  const { wine, defaultShell = 'cmd', hasPowerShell = false, maxFileBytes } = options
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
        kill = runSession(accepted(), command, { wine, defaultShell, hasPowerShell, name })
      })
      session.on('sftp', (accepted) => serveWindowsFiles(accepted(), { driveC: wine.driveC, home: `/C:/${name}`, maxFileBytes }))
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
      await endSessions(name)
      await rm(localFolder, { recursive: true, force: true })
      await rm(keys, { recursive: true })
    },
  }
}
