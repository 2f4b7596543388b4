/**
 * The guard of a Windows host without PowerShell: for each name a line of cmd.exe that waits for a word of ours. A line releases the name; the
 * end of stdin without one removes what bears it, once what still wrote to it has had time to end.
 */

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { EncodeError } from '../../core/errors.ts'
import type { CommandChannel, CommandTransport } from '../channel.ts'
import type { Guard } from '../shell/guard.ts'
import { escapeValue } from './cmd-leash.ts'
import { assertRemovableOnWindows } from './windows-paths.ts'

const ANSWER_MS = 30_000
const QUIT_MS = 1000

export function createCmdGuard(transport: CommandTransport, hostName: string): Guard {
  const tag = `encode-${randomBytes(12).toString('hex')}`
  const channels = new Set<CommandChannel>()

  async function leave(): Promise<void> {
    for (const { stdin } of channels) stdin.end()
  }

  return {
    tag,
    start: async () => {},
    hold: () => {},
    letGo: () => {},
    async add(hostPath) {
      assertRemovableOnWindows(hostPath)
      const channel = await openGuard(transport, tag, hostPath, hostName)
      channels.add(channel)
      void channel.exit.catch(() => undefined).then(() => channels.delete(channel))
      return {
        release() {
          if (channels.delete(channel)) channel.stdin.end('q\r\n')
        },
      }
    },
    leave,
    async [Symbol.asyncDispose]() {
      // What could not be removed in time is left to the guards.
      const ended = Promise.all([...channels].map((channel) => channel.exit.catch(() => undefined)))
      await leave()
      const patience = new AbortController()
      await Promise.race([ended, sleep(QUIT_MS, undefined, { signal: patience.signal }).catch(() => undefined)])
      patience.abort()
    },
  }
}

/** Twice, for what is still held the first time. \`ping\` is the one way to wait that needs no terminal. */
const REMOVE = 'rd /s /q "!ENCODE_FILE!" 2>nul&del /f /q "!ENCODE_FILE!" 2>nul'
const PAUSE = 'ping -n 3 127.0.0.1 >nul'

export function cmdGuardCommand(tag: string, hostPath: string): string {
  const wait = `echo ${tag}@kept&set ENCODE_WORD=&set /p ENCODE_WORD=&if not defined ENCODE_WORD (${PAUSE}&${REMOVE}&${PAUSE}&${REMOVE})`
  return `set ENCODE_FILE=${escapeValue(hostPath)}&cmd /d /v:on /c "${wait}"`
}

async function openGuard(transport: CommandTransport, tag: string, hostPath: string, hostName: string): Promise<CommandChannel> {
  const channel = await transport.openCommand(cmdGuardCommand(tag, hostPath))
  channel.stdin.on('error', () => undefined)
  channel.stderr.on('error', () => undefined).resume()
  const patience = new AbortController()
  const kept = new Promise<'kept'>((resolve) => {
    let said = ''
    channel.stdout
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('latin1')).slice(-4096)
        if (said.includes(`${tag}@kept`)) resolve('kept')
      })
  })
  const ended = channel.exit.then(() => 'ended' as const)
  const late = sleep(ANSWER_MS, 'late' as const, { signal: patience.signal })
  late.catch(() => undefined)
  try {
    const how = await Promise.race([kept, ended, late])
    if (how === 'kept') return channel
  } finally {
    patience.abort()
  }
  channel.destroy()
  throw new EncodeError('COMMAND_FAILED', `Host "${hostName}" does not guard its temporary files: cmd.exe gave no answer`)
}
