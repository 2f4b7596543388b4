/** A host reached over SSH, without any program of ours there: commands and bytes over as many connections as its server wants. */

import { platform } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { EncodeError, isEncodeError } from '../../core/errors.ts'
import type { HostConfig } from '../../model/config.ts'
import type { CommandTransport } from '../channel.ts'
import type { OnConnection } from '../host.ts'
import type { BulkOptions } from '../shell/shell-files.ts'
import { createBulkMover, type Standing } from './bulk-mover.ts'
import type { GetOptions } from './byte-transfer.ts'
import { toCommandChannel } from './command-channel.ts'
import { createConnectionPool, type Lane } from './connection-pool.ts'
import type { Prompt } from './identities.ts'
import { createSftpSession, type SftpSession } from './sftp-session.ts'
import type { SshSurroundings } from './ssh-destination.ts'
import { loadSshSettings, type SshSettings, toDestination } from './ssh-settings.ts'
import { KEEPALIVES_UNANSWERED } from './standing-connection.ts'

export interface SshTransportOptions extends SshSurroundings {
  readonly host: HostConfig
  /** Asked for the passphrase of an encrypted key that the agent does not hold. Without it such keys are not used. */
  readonly prompt?: Prompt | undefined
  /** Between keepalives; a connection that is silent for three of them is lost. Undefined: as the host's configuration says. */
  readonly keepaliveSeconds?: number | undefined
  /** Files of so many bytes may go on through the system's OpenSSH client, where it can be used. */
  readonly clientFromBytes?: number | undefined
  /** And do where this process is at work for so much of its time, 0 to 1. */
  readonly clientFromBusyRatio?: number | undefined
  /** Told once, when that client turns out not to be of use. */
  readonly onNote?: ((message: string) => void) | undefined
}

export interface SshTransport extends CommandTransport {
  /** See `putBytes` and `getBytes` of byte-transfer.ts; both resolve with the number of bytes moved. */
  putBytes(commandLine: string, controllerPath: string, options?: BulkOptions): Promise<number>
  getBytes(commandLine: string, controllerPath: string, options?: BulkOptions & GetOptions): Promise<number>
  /** To be ended by whoever asked for it. Rejects with HOST_UNSUPPORTED where the server has none, or HOST_LOST. */
  openSftp(lane: Lane, signal?: AbortSignal): Promise<SftpSession>
}

const DEFAULT_KEEPALIVE_SECONDS = 5

/**
 * What OpenSSH is told may only make it stricter: its own default is to wait for ever, and users who set it long have a terminal in
 * mind that should not close, and not a film that another host could be encoding.
 */
export function toKeepaliveSeconds({ silenceLimitSeconds }: Pick<SshSettings, 'silenceLimitSeconds'>): number {
  return Math.min(DEFAULT_KEEPALIVE_SECONDS, (silenceLimitSeconds ?? Number.POSITIVE_INFINITY) / KEEPALIVES_UNANSWERED)
}

export function createSshTransport(options: SshTransportOptions): SshTransport {
  const { sshProgram, env, homeFolder, writesKnownHosts, runHere } = options
  const around: SshSurroundings = { sshProgram, env, homeFolder, writesKnownHosts, runHere }
  let settings: Promise<SshSettings> | undefined
  let standing: Standing | undefined
  const pool = createConnectionPool(async (signal) => {
    settings ??= loadSshSettings(toDestination(options.host), around)
    settings.catch(() => {
      settings = undefined
    })
    // Loading ssh2 takes a fifth of the time before a run begins, and many runs stay on this machine. Nothing else goes on meanwhile: the
    // system's client is to have its question by then.
    await turn()
    const [loaded, { openConnection }] = await Promise.all([settings, import('./connection.ts')])
    const keepaliveSeconds = options.keepaliveSeconds ?? options.host.keepaliveSeconds ?? toKeepaliveSeconds(loaded)
    const connection = await openConnection(loaded, { around, prompt: options.prompt, keepaliveSeconds }, signal)
    const { hostKey } = connection
    if (hostKey !== undefined) standing = { settings: loaded, hostKey, keepaliveSeconds }
    return connection
  })
  const mover = createBulkMover({
    pool,
    standing: () => standing,
    sshProgram,
    env,
    // What watches over that client is a script for /bin/sh.
    fromBytes: platform() === 'win32' ? Number.POSITIVE_INFINITY : options.clientFromBytes,
    fromBusyRatio: options.clientFromBusyRatio,
    onUnfit: (why) => options.onNote?.(`Host "${options.host.name}" gets its files over ssh2, not through the system's ssh: ${why}`),
  })

  return {
    lost: pool.lost,
    connect: (signal) => pool.connect(signal),
    async openCommand(commandLine, signal) {
      const { channel, exit } = await pool.openSession('control', commandLine, signal)
      return toCommandChannel(channel, exit)
    },
    hasRoom: () => pool.hasRoom('control'),
    prepareTransfers: () => pool.begin('bulk'),
    // Behind the bytes of a source a heartbeat would come late.
    async listen(onConnection, signal) {
      const onStream: OnConnection = (stream, flow) => {
        onConnection(stream, flow)
        // A result will want it, and need not wait for it then.
        mover.prepareBack()
      }
      return await pool.listen('bulk', onStream, signal)
    },
    async putBytes(...args) {
      const bytes = await mover.putBytes(...args)
      mover.prepareBack()
      return bytes
    },
    getBytes: mover.getBytes,
    async openSftp(lane, signal) {
      try {
        return createSftpSession(await pool.openSftp(lane, signal), pool.lost)
      } catch (error) {
        signal?.throwIfAborted()
        if (isEncodeError(error)) throw error
        throw new EncodeError('HOST_UNSUPPORTED', `Host "${options.host.name}" has no SFTP server`, {
          hint: 'Add "Subsystem sftp sftp-server.exe" to the sshd_config there, and start sshd anew',
          cause: error,
        })
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
