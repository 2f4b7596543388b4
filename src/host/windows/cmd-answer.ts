/** Starts a command of cmd.exe that goes on, once it has said that it stands. */

import { setTimeout as sleep } from 'node:timers/promises'
import { EncodeError } from '../../core/errors.ts'
import type { CommandChannel, CommandTransport } from '../channel.ts'

export interface AnsweringCommand {
  readonly commandLine: string
  /** What it says on stdout then. */
  readonly answer: string
  /** The message when it does not. */
  readonly failure: string
}

const ANSWER_MS = 30_000
const MAX_ANSWER = 4096

/** @throws COMMAND_FAILED when it ends, or half a minute passes, without the answer; HOST_LOST. */
export async function openAnsweringCommand(
  transport: CommandTransport,
  { commandLine, answer, failure }: AnsweringCommand,
): Promise<CommandChannel> {
  const channel = await transport.openCommand(commandLine)
  channel.stdin.on('error', () => undefined)
  channel.stderr.on('error', () => undefined).resume()
  const patience = new AbortController()
  const stands = new Promise<'stands'>((resolve) => {
    let said = ''
    channel.stdout
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('latin1')).slice(-MAX_ANSWER)
        if (said.includes(answer)) resolve('stands')
      })
  })
  const ended = channel.exit.then(() => 'ended' as const)
  const late = sleep(ANSWER_MS, 'late' as const, { signal: patience.signal })
  late.catch(() => undefined)
  try {
    if ((await Promise.race([stands, ended, late])) === 'stands') return channel
  } finally {
    patience.abort()
  }
  channel.destroy()
  throw new EncodeError('COMMAND_FAILED', failure)
}
