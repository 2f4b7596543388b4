/**
 * The leash of a Windows host without PowerShell: one line for cmd.exe.
 *
 * Microsoft's sshd puts the shell of a session into a job object that ends everything in it with the shell. ffmpeg runs there under a second
 * cmd.exe, which tells its exit status, beside a third one that watches the heartbeat (`cmd-heartbeat.ts`): when that ends, so does the
 * shell, and all. The status that SSH tells is the shell's, and 0 when a signal ended it: it is passed over.
 *
 * ffmpeg has the channel's stdin, and is asked there to end. Nothing else reads it.
 *
 * What ffmpeg gets stands in a variable that the second cmd.exe puts in after it has read its line, so that only one shell reads it.
 */

import { EncodeError } from '../../core/errors.ts'
import { toVisible } from '../../core/text.ts'
import type { LeashCommand } from '../shell/leash.ts'
import { MAX_CMD_LINE_CHARACTERS } from '../shell/quote-cmd.ts'
import type { LeashDialect } from '../shell/run-on-leash.ts'
import { cmdWatchCommand, endWatchCommand } from './cmd-heartbeat.ts'
import { toPriority } from './priority.ts'
import { toRuntimeLine, withoutNostdin } from './runtime-line.ts'

/** @param folderName of the heartbeat. */
export function createCmdLeash(folderName: string): LeashDialect {
  return {
    start: (command) => ({ commandLine: cmdLeashCommand(command, folderName), input: '' }),
    // One command beats for all of a host.
    heartbeat: undefined,
    request: 'q',
    isReleased: false,
    killCommand: (tag) => `cmd /d /v:on /c "${endWatchCommand(folderName, tag)}"`,
  }
}

/** @throws NAME_NOT_CARRIED for what no line of cmd.exe carries. */
export function cmdLeashCommand({ argv, tag, heartbeatSeconds, env = {}, nice }: LeashCommand, folderName: string): string {
  const variables = Object.entries(env).map(([name, value]) => `set ${name}=${escapeValue(value)}&`)
  const priority = nice === undefined ? '' : `/${toPriority(nice)} `
  const line = [
    `echo ${tag}@start 1 1 job&echo ${tag}@start>&2&`,
    ...variables,
    `set ENCODE_LINE=${escapeValue(toRuntimeLine(withoutNostdin(argv)))}&`,
    `start "" /b ${priority}cmd /d /v:on /c "!ENCODE_LINE!&echo ${tag}@exit !errorlevel!&${endWatchCommand(folderName, tag)}"&`,
    cmdWatchCommand({ folderName, tag, limitSeconds: heartbeatSeconds, everySeconds: 1 }),
  ].join('')
  if (line.length <= MAX_CMD_LINE_CHARACTERS) return line
  throw new EncodeError('NAME_NOT_CARRIED', `${line.length} characters are too many for one command line of cmd.exe`, {
    hint: 'Allow PowerShell for this user there, which takes them in another way, or give the profile fewer options',
  })
}

/**
 * A value for `set`, outside of quotes: a caret takes what is special from the character behind it. No caret helps a percent sign; but one
 * behind it becomes part of the name that cmd looks up, which no variable has then, and goes away when the line is parsed.
 */
export function escapeValue(value: string): string {
  if (/[\0\r\n]/.test(value) || !value.isWellFormed()) {
    throw new EncodeError('NAME_NOT_CARRIED', `A Windows command line cannot carry "${toVisible(value.toWellFormed())}"`, {
      hint: 'Use no line ends, and valid Unicode',
    })
  }
  let escaped = ''
  let isAfterPercent = false
  for (const character of value) {
    escaped += isAfterPercent || /["^&|<>()!]/.test(character) ? `^${character}` : character
    isAfterPercent = character === '%'
  }
  return escaped
}
