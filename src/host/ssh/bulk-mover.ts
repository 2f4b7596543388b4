/**
 * Who moves a file's bytes: ssh2, which always can and whose connection stands, or the system's OpenSSH client, for half of what it costs here.
 * The client makes a connection of its own for each file, which is worth it where ssh2 is slower than the link, or too much for this process.
 * Where the client once did not get through, ssh2 does all the rest.
 */

import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { isEncodeError } from '../../core/errors.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import { quoteWord } from '../shell/quote-posix.ts'
import type { BulkOptions } from '../shell/shell-files.ts'
import { type GetOptions, getBytes, putBytes, receiveBytes, sendBytes } from './byte-transfer.ts'
import { toClientArguments } from './client-arguments.ts'
import { type Begin, type ClientTransferOptions, getThroughClient, putThroughClient } from './client-transfer.ts'
import { closeChannel } from './command-channel.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { SshSettings } from './ssh-settings.ts'
import type { Client } from './standby.ts'
import { KEEPALIVES_UNANSWERED } from './standing-connection.ts'
import type { OpenSession } from './transfer-channel.ts'

/** What is known of a host that let us in. */
export interface Standing {
  readonly settings: SshSettings
  readonly hostKey: Buffer
  readonly keepaliveSeconds: number
}

export interface BulkMoverOptions {
  readonly pool: ConnectionPool
  /** Undefined while no connection has stood. */
  readonly standing: () => Standing | undefined
  readonly sshProgram: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Smaller files are not worth a connection. */
  readonly fromBytes?: number | undefined
  /** See `Client`; half unless told. */
  readonly fromBusyRatio?: number | undefined
  /** Told once why the client is not used any more. */
  readonly onUnfit: (why: string) => void
}

export interface BulkMover {
  putBytes(commandLine: string, controllerPath: string, options?: BulkOptions): Promise<number>
  getBytes(commandLine: string, controllerPath: string, options?: BulkOptions & GetOptions): Promise<number>
  /** Begins the connection that results come over, so that the first of them need not wait for it. */
  prepareBack(): void
}

const FROM_BYTES = 64 * 1024 * 1024
/** 1 Gbit/s is a quarter of it, on a core of 2024; ssh2 alone cannot have more than all. */
const FROM_BUSY_RATIO = 0.5
/** A connection, its handshake and the start of a command. */
const BEGIN_TIMEOUTS = 3
const SILENCE_ANSWER_MS = 10_000
const END_ANSWER_MS = 2000
/** In a row; a server may let the client in and run nothing for it (a limit of logins). */
const MAX_FALTERS = 2

export function createBulkMover(options: BulkMoverOptions): BulkMover {
  const { pool, standing, sshProgram, env, fromBytes = FROM_BYTES, fromBusyRatio = FROM_BUSY_RATIO, onUnfit } = options
  const openBulk: OpenSession = (commandLine, signal) => pool.openSession('bulk', commandLine, signal)
  let mayOpenBack = true
  let isUnfit = false
  let falters = 0
  let silence: Promise<boolean> | undefined

  function giveUp(why: string): void {
    if (!isUnfit) onUnfit(why)
    isUnfit = true
  }

  function client(): Client | undefined {
    const place = standing()
    if (isUnfit || place === undefined) return undefined
    const { settings } = place
    const fit = toClientArguments({ ...place, keepalivesUnanswered: KEEPALIVES_UNANSWERED })
    if ('unfit' in fit) {
      giveUp(fit.unfit)
      return undefined
    }
    return {
      program: sshProgram ?? 'ssh',
      argv: fit.argv,
      env,
      address: `${settings.hostname}:${settings.port}`,
      fromBusyRatio,
      beginMs: settings.connectTimeoutMs * BEGIN_TIMEOUTS,
      run: async (commandLine) => {
        await ask(pool, commandLine, END_ANSWER_MS).catch(() => undefined)
      },
    }
  }

  /** What a login file prints would stand in a file that comes here: the client makes no difference between the two. */
  async function isSilent(): Promise<boolean> {
    const word = randomBytes(8).toString('hex')
    const commandLine = ['exec', '/bin/sh', '-c', ...['printf %s "$0"', word].map(quoteWord)].join(' ')
    silence ??= ask(pool, commandLine, SILENCE_ANSWER_MS).then(
      (answer) => answer === word,
      () => false,
    )
    return await silence
  }

  /** Undefined: ssh2 moves all of it. */
  function chooseClient(bytes: number, { direct, ...options }: BulkOptions): { by: Client; how: ClientTransferOptions } | undefined {
    if (direct === undefined || bytes - (options.offset ?? 0) < fromBytes) return undefined
    // The client knows no limit, and to hand it the bytes piece by piece costs as much as ssh2 does.
    if (options.turn?.isMetered === true) return undefined
    const by = client()
    const onFaltered = (why: string): void => {
      falters += 1
      if (falters >= MAX_FALTERS) giveUp(why)
    }
    return by && { by, how: { ...options, direct, onUnfit: giveUp, onFaltered } }
  }

  /** A server that lets nobody in a third time brings results over the connection that sources go. */
  const openBack: OpenSession = async (commandLine, signal) => {
    if (!mayOpenBack) return await openBulk(commandLine, signal)
    try {
      return await pool.openSession('back', commandLine, signal)
    } catch (error) {
      if (signal?.aborted === true || isEncodeError(error, 'HOST_LOST')) throw error
      mayOpenBack = false
      return await openBulk(commandLine, signal)
    }
  }

  return {
    prepareBack() {
      if (mayOpenBack) pool.begin('back')
    },

    async putBytes(commandLine, controllerPath, options = {}) {
      const bytes = await stat(controllerPath).then(
        ({ size }) => size,
        () => 0,
      )
      const chosen = chooseClient(bytes, options)
      if (chosen === undefined) return await putBytes(openBulk, commandLine, controllerPath, options)
      const { by, how } = chosen
      // A result will be asked for that, and need not wait for it then.
      void isSilent()
      const begin: Begin = async (until, file) => await sendBytes(openBulk, commandLine, file, controllerPath, { ...options, until })
      const moved = await putThroughClient(by, controllerPath, begin, how)
      falters = 0
      return moved
    },

    async getBytes(commandLine, controllerPath, options = {}) {
      const { maxBytes } = options
      // Without a bound a host could fill this disk.
      const chosen = maxBytes === undefined ? undefined : chooseClient(maxBytes, options)
      if (maxBytes === undefined || chosen === undefined || !(await untilAborted(isSilent(), options.signal))) {
        return await getBytes(openBack, commandLine, controllerPath, options)
      }
      const begin: Begin = async (until, file) => await receiveBytes(openBack, commandLine, file, { ...options, until })
      const moved = await getThroughClient(chosen.by, controllerPath, begin, { ...chosen.how, maxBytes })
      falters = 0
      return moved
    },
  }
}

/** What a command line prints, up to a few bytes; rejects when there is no end to it in time. */
async function ask(pool: ConnectionPool, commandLine: string, timeoutMs: number): Promise<string> {
  const patience = AbortSignal.timeout(timeoutMs)
  const { channel, exit } = await pool.openSession('control', commandLine, patience)
  let said = ''
  channel.end()
  channel.stderr.resume()
  channel.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('latin1')).slice(0, MAX_ANSWER)
  })
  try {
    await untilAborted(exit, patience)
    return said
  } finally {
    closeChannel(channel)
  }
}

const MAX_ANSWER = 4096
