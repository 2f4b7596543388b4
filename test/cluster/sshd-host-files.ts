/** The files of a throw-away host: its keys, its accounts, and what its server is to do. */

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { renderSshdConfig } from './sshd-config.ts'
import type { SshdHostOptions } from './sshd-host.ts'

const SSHD = '/usr/sbin/sshd'
const DROPBEAR = '/usr/sbin/dropbear'

export interface HostFiles {
  readonly hostPublicKey: string
  readonly identityFile: string
  readonly authorizedKeysFile: string
  readonly knownHostsFile: string
  readonly workingFolder: string
  readonly homeFolder: string
  /** Files to lay over those of the machine, as `from:to` pairs. */
  readonly covers: readonly { readonly from: string; readonly to: string }[]
}

export async function writeHostFiles(folder: string, options: SshdHostOptions): Promise<HostFiles> {
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

/** What depends on the port. */
export async function writeServerFiles(folder: string, address: string, port: number, options: SshdHostOptions): Promise<void> {
  await writeFile(join(folder, 'sshd_config'), sshdConfig(folder, address, port, options))
  await writeFile(join(folder, 'serve'), serveLine(address, port, options))
}

function sshdConfig(folder: string, address: string, port: number, options: SshdHostOptions): string {
  const before = [...(options.sshdOptions ?? []), ...(options.path === undefined ? [] : [`SetEnv PATH=${options.path}`])]
  return renderSshdConfig({ folder, address, port, sftpServer: 'internal-sftp', before })
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

export function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}
