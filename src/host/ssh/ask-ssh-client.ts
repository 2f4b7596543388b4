/** The installed OpenSSH client, asked what it would do for a host: `ssh -G`. So Match, Include and canonical names need no code here. */

import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { EncodeError } from '../../core/errors.ts'
import { runProgram } from '../../core/run-program.ts'
import { toPlainLine } from '../../core/text.ts'
import { type ClientOptions, createClientOptions } from './client-options.ts'
import type { SshDestination, SshSurroundings } from './ssh-destination.ts'

/** Undefined where there is no client to ask. */
export async function askSshClient(to: SshDestination, around: SshSurroundings, signal?: AbortSignal): Promise<ClientOptions | undefined> {
  const program = around.sshProgram ?? 'ssh'
  const passwdHome = readPasswdHome()
  // ssh finds its configuration through the password database, whatever HOME says.
  const isElsewhere = passwdHome !== undefined && passwdHome !== around.homeFolder
  const argv = [
    ...(isElsewhere ? ['-F', ownConfigFile(around.homeFolder)] : []),
    ...(to.port === undefined ? [] : ['-p', String(to.port)]),
    ...(to.user === undefined ? [] : ['-l', to.user]),
    '-G',
    '--',
    to.name,
  ]
  const limits = { signal, timeoutMs: 10_000 }
  const result = await (around.runHere?.(program, argv, limits) ?? runProgram(program, argv, { ...limits, env: around.env }))
  if (result.startFailure !== undefined) return undefined
  if (result.status !== 0) {
    const complaint = toPlainLine(result.stderr) || 'it did not answer within 10 s'
    throw new EncodeError('HOST_UNREACHABLE', `OpenSSH's client cannot say how to reach "${to.name}": ${complaint}`, {
      hint: 'Correct "address", or mend the configuration until "ssh -G" succeeds for this host',
    })
  }
  const rehome = (value: string): string =>
    isElsewhere
      ? value
          .split(' ')
          .map((path) => path.replace(`${passwdHome}/`, `${around.homeFolder}/`))
          .join(' ')
      : value
  const entries = result.stdout.split('\n').map((line): readonly [string, string] => {
    const space = line.indexOf(' ')
    const name = line.slice(0, space).toLowerCase()
    const value = line.slice(space + 1).trim()
    // ssh has expanded `~` in these already, with the home of the password database.
    return [name, ['userknownhostsfile', 'identityagent', 'identityfile'].includes(name) ? rehome(value) : value]
  })
  const identities = entries.filter(([name]) => name === 'identityfile').map(([, value]) => value)
  return createClientOptions(entries, identities.every((file) => /^~\/\.ssh\/id_\w+$/.test(file)) && identities.length > 2)
}

function ownConfigFile(homeFolder: string): string {
  const file = join(homeFolder, '.ssh', 'config')
  return existsSync(file) ? file : 'none'
}

function readPasswdHome(): string | undefined {
  try {
    return userInfo().homedir
  } catch {
    return undefined
  }
}
