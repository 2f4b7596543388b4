/**
 * Heartbeats for a Windows host without PowerShell. cmd.exe can wait for a line, or for a time, and not for whichever comes first: so one
 * command a host waits for our lines and writes each into a file, and whatever runs there looks once a second at what the file says.
 *
 * The file stands in a folder of its own in that user's TEMP. It goes with the connection: the end of stdin removes the folder, which ends
 * the watches at once; and a watch that reads the same for too long removes it, which is how a cut network ends all of them.
 *
 * Nothing but the one command ever reads stdin while others run in its session: on Windows a read that waits holds up whoever asks for the
 * same pipe, be it a program that only starts.
 */

import { randomBytes } from 'node:crypto'
import { EncodeError } from '../../core/errors.ts'
import { settlesWithin } from '../../core/settles-within.ts'
import type { CommandTransport } from '../channel.ts'
import type { LeashTiming } from '../shell/run-on-leash.ts'
import { openAnsweringCommand } from './cmd-answer.ts'

export interface CmdHeartbeat extends AsyncDisposable {
  /** Of the folder in TEMP. */
  readonly folderName: string
  /** As if this controller had vanished. */
  leave(): void
}

export interface CmdHeartbeatOptions {
  readonly hostName: string
  readonly timing: LeashTiming
  /** Told when it ended before it was to: all that it kept alive will end. */
  readonly onLost: (reason: unknown) => void
}

const QUIT_MS = 1000

export async function openCmdHeartbeat(
  transport: CommandTransport,
  { hostName, timing, onLost }: CmdHeartbeatOptions,
): Promise<CmdHeartbeat> {
  const folderName = `encode-${randomBytes(8).toString('hex')}`
  const channel = await openAnsweringCommand(transport, {
    commandLine: cmdHeartbeatCommand(folderName),
    answer: `${folderName}@beats`,
    failure: `Host "${hostName}" takes no heartbeats: cmd.exe could not write below its TEMP folder`,
  })
  let count = 0
  let isLeft = false
  const beats = setInterval(() => {
    // Any text that was not there before. What is not read in time is as good as lost.
    count += 1
    if (channel.stdin.writable && !channel.stdin.writableNeedDrain) channel.stdin.write(`${count}\r\n`)
  }, timing.heartbeatEveryMs)
  const ended = channel.exit.then(
    () => new EncodeError('HOST_LOST', `What hears the heartbeats on host "${hostName}" was ended from outside`),
    (error: unknown) => error,
  )
  void ended.then((reason) => {
    clearInterval(beats)
    if (!isLeft) onLost(reason)
  })

  function leave(): void {
    isLeft = true
    clearInterval(beats)
    channel.stdin.end()
  }

  return {
    folderName,
    leave,
    async [Symbol.asyncDispose]() {
      leave()
      await settlesWithin(ended, QUIT_MS)
    },
  }
}

/** Writes each line of stdin into the file, and removes the folder at its end. An empty line counts as the end. */
export function cmdHeartbeatCommand(folderName: string): string {
  const loop = [
    'set ENCODE_WORD=&set /p ENCODE_WORD=',
    '(if not defined ENCODE_WORD (rd /s /q "!ENCODE_DIR!"&exit))',
    '>"!ENCODE_DIR!\\beat" echo !ENCODE_WORD!',
  ].join('&')
  return inFolder(
    folderName,
    [
      'md "!ENCODE_DIR!"',
      '>"!ENCODE_DIR!\\beat" echo 0',
      '(if not exist "!ENCODE_DIR!\\beat" exit)',
      `echo ${folderName}@beats`,
      `for /l %i in (1,0,2) do (${loop})`,
    ].join('&'),
  )
}

export interface CmdWatch {
  readonly folderName: string
  /** Ends the watch, and nothing else, when a file of that name stands beside the heartbeat; see `endWatchCommand`. */
  readonly tag?: string | undefined
  /** Without a heartbeat for so long it ends. */
  readonly limitSeconds: number
  /** Between two looks. */
  readonly everySeconds: number
  /** What a watch does that ended because nobody beats any more. */
  readonly finally?: string | undefined
}

/** A command line that ends when nobody beats any more. */
export function cmdWatchCommand({ folderName, tag, limitSeconds, everySeconds, finally: last }: CmdWatch): string {
  // Whoever comes last can remove what another one was still looking into.
  const end = ['rd /s /q "!ENCODE_DIR!"', ...(last === undefined ? [] : [last]), 'exit'].join('&')
  const loop = [
    ...(tag === undefined ? [] : [`(if exist "!ENCODE_DIR!\\${tag}" exit)`]),
    `(if not exist "!ENCODE_DIR!\\beat" (${end}))`,
    'set /p ENCODE_NOW=<"!ENCODE_DIR!\\beat"',
    '(if "!ENCODE_NOW!"=="!ENCODE_WAS!" (set /a ENCODE_AGE+=1 >nul) else (set ENCODE_WAS=!ENCODE_NOW!&set ENCODE_AGE=0))',
    `(if !ENCODE_AGE! geq ${toLooks(limitSeconds, everySeconds)} (${end}))`,
    // The one way to wait that needs no terminal.
    `ping -n ${everySeconds + 1} 127.0.0.1 >nul`,
  ].join('&')
  return `${inFolder(folderName, `for /l %i in (1,0,2) do (${loop})`)} <nul 2>nul`
}

/** A command, for the end of another one in quotation marks, that ends a watch. */
export function endWatchCommand(folderName: string, tag: string): string {
  return `type nul>"!TEMP!\\${folderName}\\${tag}"`
}

/**
 * How many times the same may be read. A look takes longer than its pause, above all beside an encoder that uses all cores: a fifth is
 * allowed for that.
 */
function toLooks(limitSeconds: number, everySeconds: number): number {
  return Math.max(1, Math.floor((limitSeconds * 0.8) / everySeconds))
}

/** For a cmd.exe of its own, which puts variables in after it has read the line: no character of TEMP is syntax. */
function inFolder(folderName: string, line: string): string {
  return `cmd /d /v:on /c "set ENCODE_DIR=!TEMP!\\${folderName}&${line}"`
}
