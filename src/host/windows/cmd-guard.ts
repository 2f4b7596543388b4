/**
 * The guard of a Windows host without PowerShell: for each name a line of cmd.exe that waits for a word of ours. A line releases the name; the
 * end of stdin without one removes what bears it, once what still wrote to it has had time to end. So does, beside it, a watch on the
 * heartbeat.
 */

import { randomBytes } from 'node:crypto'
import { settlesWithin } from '../../core/settles-within.ts'
import type { CommandChannel, CommandTransport } from '../channel.ts'
import type { Guard } from '../shell/guard.ts'
import { openAnsweringCommand } from './cmd-answer.ts'
import { cmdWatchCommand } from './cmd-heartbeat.ts'
import { escapeValue } from './cmd-leash.ts'
import { assertRemovableOnWindows } from './windows-paths.ts'

export interface CmdGuardOptions {
  readonly hostName: string
  /** See `cmd-heartbeat.ts`. */
  readonly folderName: string
  readonly limitSeconds: number
}

interface CmdGuardCommand extends Omit<CmdGuardOptions, 'hostName'> {
  readonly tag: string
  readonly hostPath: string
}

const QUIT_MS = 1000

export function createCmdGuard(transport: CommandTransport, { hostName, ...heartbeat }: CmdGuardOptions): Guard {
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
      const channel = await openAnsweringCommand(transport, {
        commandLine: cmdGuardCommand({ ...heartbeat, tag, hostPath }),
        answer: `${tag}@kept`,
        failure: `Host "${hostName}" does not guard its temporary files: cmd.exe gave no answer`,
      })
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
      await settlesWithin(ended, QUIT_MS)
    },
  }
}

/** Twice, for what is still held the first time. */
const REMOVE = 'rd /s /q !ENCODE_FILE! 2>nul&del /f /q !ENCODE_FILE! 2>nul'
const PAUSE = 'ping -n 3 127.0.0.1 >nul'
const CLEAN_UP = `${PAUSE}&${REMOVE}&${PAUSE}&${REMOVE}`
/** It need not be as soon as with ffmpeg, and there may be several. */
const LOOK_EVERY_SECONDS = 5

export function cmdGuardCommand({ tag, hostPath, folderName, limitSeconds }: CmdGuardCommand): string {
  const everySeconds = limitSeconds >= 4 * LOOK_EVERY_SECONDS ? LOOK_EVERY_SECONDS : 1
  const watch = cmdWatchCommand({ folderName, limitSeconds, everySeconds, finally: CLEAN_UP })
  const wait = `echo ${tag}@kept&set ENCODE_WORD=&set /p ENCODE_WORD=&if not defined ENCODE_WORD (${CLEAN_UP})`
  // The watch ends with the one that waits, whose end is the end of the job.
  // No path has quotation marks; with them in the value, none stand in what `start` hands on.
  return `set ENCODE_FILE=${escapeValue(`"${hostPath}"`)}&start "" /b ${watch}&cmd /d /v:on /c "${wait}"`
}
