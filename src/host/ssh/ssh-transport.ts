/** A host reached over SSH, without any program of ours there: commands and bytes over as many connections as its server wants. */

import type { HostConfig } from '../../model/config.ts'
import type { CommandTransport } from '../channel.ts'
import type { TransferOptions } from '../host.ts'
import { type GetOptions, getBytes, putBytes } from './byte-transfer.ts'
import { toCommandChannel } from './command-channel.ts'
import { openConnection } from './connection.ts'
import { createConnectionPool } from './connection-pool.ts'
import type { Prompt } from './identities.ts'
import type { SshSurroundings } from './ssh-destination.ts'
import { loadSshSettings, type SshSettings, toDestination } from './ssh-settings.ts'

export interface SshTransportOptions extends SshSurroundings {
  readonly host: HostConfig
  /** Asked for the passphrase of an encrypted key that the agent does not hold. Without it such keys are not used. */
  readonly prompt?: Prompt | undefined
  /** Between keepalives, 5 by default; a connection that is silent for three of them is lost. */
  readonly keepaliveSeconds?: number | undefined
}

export interface SshTransport extends CommandTransport {
  /** See `putBytes` and `getBytes` of byte-transfer.ts; both resolve with the number of bytes moved. */
  putBytes(commandLine: string, controllerPath: string, options?: TransferOptions): Promise<number>
  getBytes(commandLine: string, controllerPath: string, options?: GetOptions): Promise<number>
}

const DEFAULT_KEEPALIVE_SECONDS = 5

export function createSshTransport(options: SshTransportOptions): SshTransport {
  const { sshProgram, env, homeFolder, writesKnownHosts } = options
  const around: SshSurroundings = { sshProgram, env, homeFolder, writesKnownHosts }
  let settings: Promise<SshSettings> | undefined
  const pool = createConnectionPool(async (signal) => {
    settings ??= loadSshSettings(toDestination(options.host), around)
    settings.catch(() => {
      settings = undefined
    })
    const keepaliveSeconds = options.keepaliveSeconds ?? DEFAULT_KEEPALIVE_SECONDS
    return await openConnection(await settings, { around, prompt: options.prompt, keepaliveSeconds }, signal)
  })
  const openBulk = (commandLine: string, signal?: AbortSignal) => pool.openSession('bulk', commandLine, signal)

  return {
    lost: pool.lost,
    connect: (signal) => pool.connect(signal),
    async openCommand(commandLine, signal) {
      const { channel, exit } = await pool.openSession('control', commandLine, signal)
      return toCommandChannel(channel, exit)
    },
    putBytes: (commandLine, controllerPath, transfer) => putBytes(openBulk, commandLine, controllerPath, transfer),
    getBytes: (commandLine, controllerPath, transfer) => getBytes(openBulk, commandLine, controllerPath, transfer),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
