/**
 * A real OpenSSH server whose login shell is Windows (wine): what ssh2 makes of channels, windows, signals and disconnects in
 * windows-server.ts, sshd does here as it does everywhere. Its own SFTP server sees the drive as `/C:`; it knows letter case, and lets go
 * of files that are open, which Windows does not.
 */

import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCutLink } from '../../cluster/cut-link.ts'
import { onFreePort } from '../../cluster/on-free-port.ts'
import { renderSshdConfig } from '../../cluster/sshd-config.ts'
import { canStartHosts } from '../../cluster/sshd-host.ts'
import type { WindowsServer, WindowsServerOptions } from './windows-server.ts'
import { endSessions, findProcesses } from './wine-processes.ts'

/** Whether this process may make a root of its own for it. */
export const canStartWindowsSshd: boolean = canStartHosts

/** In a mount namespace of its own: a root with all that is in this one, the drive, and an account whose shell is Windows. */
const BOOT = `
set -e
folder=$1; drive=$2; root=$folder/root
mkdir "$root"; mount -t tmpfs root "$root"
for each in /*; do
  if [ -L "$each" ]; then cp -a "$each" "$root$each"
  elif [ -d "$each" ]; then mkdir "$root$each"; mount --rbind "$each" "$root$each"
  fi
done
mkdir "$root/C:"; mount --bind "$drive" "$root/C:"
for each in passwd shadow; do mount --bind "$folder/$each" "$root/etc/$each"; done
mkdir -p /run/sshd
{ exec >/dev/null 2>&1; while read -r _; do :; done; kill -TERM $$; } <&0 &
exec chroot "$root" /usr/sbin/sshd -D -e -f "$folder/sshd_config" </dev/null
`

/** A `defaultShell` of PowerShell is not for this one. */
export async function startWindowsSshd({ wine, hasPowerShell = false }: WindowsServerOptions): Promise<WindowsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'encode-windows-sshd-'))
  const at = (file: string): string => join(folder, file)
  for (const key of ['host_key', 'identity']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)])
  await writeFile(at('authorized_keys'), await readFile(at('identity.pub')), { mode: 0o600 })
  const passwd = await readFile('/etc/passwd', 'utf8')
  await writeFile(at('passwd'), passwd.replace(/^(root:.*):[^:\n]*:[^:\n]*$/m, `$1:${folder}:${at('shell')}`))
  // Without PAM sshd refuses an account whose password field begins with `!`.
  await writeFile(at('shadow'), (await readFile('/etc/shadow', 'utf8')).replace(/^root:[^:]*/m, 'root:*'), { mode: 0o600 })
  const name = `t${randomBytes(4).toString('hex')}`
  const localFolder = join(wine.driveC, name)
  await mkdir(localFolder)
  const paths = ['C:\\ffmpeg\\bin', ...(hasPowerShell ? ['C:\\powershell'] : [])]
  await writeFile(at('commands'), '')
  await writeFile(at('shell'), toLoginShell({ ...wine.env, WINEPATH: paths.join(';') }, { name, folder, driveC: wine.driveC }), {
    mode: 0o755,
  })
  const { server, ended, port } = await onFreePort(
    '127.0.0.1',
    async (port) => await startServer(port, { name, folder, driveC: wine.driveC }),
  )
  const link = await openCutLink({ address: '127.0.0.1', port })
  await writeFile(at('known_hosts'), `[127.0.0.1]:${link.port} ${readFileSync(at('host_key.pub'), 'utf8')}`)
  return {
    port: link.port,
    user: 'root',
    identityFile: at('identity'),
    knownHostsFile: at('known_hosts'),
    folder: `C:\\${name}`,
    localFolder,
    get commands() {
      return readFileSync(at('commands'), 'utf8').split('\0').slice(0, -1)
    },
    processes: async () => (await findProcesses(name)).map(({ args }) => args),
    cutNetwork: link.cut,
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]()
      server.stdin.end()
      await ended
      await endSessions(name)
      await rm(localFolder, { recursive: true, force: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Place {
  readonly name: string
  readonly folder: string
  readonly driveC: string
}

async function startServer(port: number, { name, folder, driveC }: Place) {
  const config = renderSshdConfig({ folder, address: '127.0.0.1', port, sftpServer: `internal-sftp -d /C:/${name}` })
  await writeFile(join(folder, 'sshd_config'), config)
  // A session of its own: Ctrl-C on the terminal is for the controller, not for its hosts.
  const server = spawn('unshare', ['--mount', 'bash', '-c', BOOT, 'boot', folder, driveC], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  })
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let log = ''
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-65_536)
      if (log.includes('Server listening on')) resolve()
    })
    server.once('close', () => reject(new Error(`sshd did not start: ${log.trim()}`)))
  })
  return { server, ended, port }
}

/** sshd calls it with `-c` and the command, whose bytes are handed on as they are. */
function toLoginShell(env: Readonly<Record<string, string>>, { name, folder, driveC }: Place): string {
  const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
  return `#!/bin/sh
printf '%s\\0' "$2" >>${quote(`${folder}/commands`)}
cd ${quote(driveC)}
hex=$(printf %s "$2" | od -An -v -tx1 | tr -d ' \\n')
exec env -i ${Object.entries(env)
    .map(([key, value]) => quote(`${key}=${value}`))
    .join(' ')} /usr/bin/wine 'C:\\tools\\session.exe' cmd "$hex" ${name}
`
}
