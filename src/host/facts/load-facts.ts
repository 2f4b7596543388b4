/** Finds out about a POSIX host in one command, and says in plain words why a host cannot be used. */

import { EncodeError, isEncodeError } from '../../core/errors.ts'
import { toPlainLine, toVisible } from '../../core/text.ts'
import type { HostConfig } from '../../model/config.ts'
import type { CommandTransport } from '../channel.ts'
import { createCollector, MAX_STDOUT_BYTES } from '../collector.ts'
import type { HostFacts, KnownFfmpeg } from '../host.ts'
import { type LeashTiming, runOnLeash } from '../shell/run-on-leash.ts'
import { describeShell, WindowsShell } from './describe-shell.ts'
import { factsCommand, PROGRAM_FOLDERS } from './facts-script.ts'
import { isSameFfmpeg, toKnownFfmpeg } from './known-ffmpeg.ts'
import { type HostAnswer, parseFacts, parseReady } from './parse-facts.ts'

export interface LoadFactsOptions {
  readonly timing: LeashTiming
  readonly signal?: AbortSignal | undefined
  readonly changesNothing?: boolean | undefined
  /** A host that does not answer for so long is not used. */
  readonly timeoutMs?: number | undefined
  /** Believed where the same file is there. What it says itself comes later, with `confirming`. */
  readonly known?: KnownFfmpeg | undefined
}

export interface LoadedFacts {
  readonly facts: HostFacts
  /** Where what is known was believed: resolves to whether it was right. Rejects as `loadFacts` would have without. */
  readonly confirming: Promise<boolean> | undefined
}

/** @throws HOST_UNSUPPORTED, HOST_NO_FFMPEG, HOST_FOLDER_UNUSABLE, HOST_UNREACHABLE (no answer in time), HOST_LOST, `WindowsShell` or the signal's reason. */
export async function loadFacts(transport: CommandTransport, config: HostConfig, options: LoadFactsOptions): Promise<LoadedFacts> {
  const { timeoutMs = 30_000, timing, signal, changesNothing = false, known } = options
  const patience = AbortSignal.timeout(timeoutMs)
  const either = signal === undefined ? patience : AbortSignal.any([signal, patience])
  const ready = Promise.withResolvers<HostFacts>()
  let early: HostFacts | undefined
  const onReady = (answer: HostAnswer): void => {
    try {
      // Its name is left out: what is only believed is not to be remembered once more.
      early = { ...toFacts(answer, config), ffmpegFile: undefined }
      ready.resolve(early)
    } catch {
      // What is wrong is told with the rest.
    }
  }
  const telling = ask(transport, config, { timing, signal: either, changesNothing, known, onReady })
    .catch((error: unknown) => {
      if (signal?.aborted !== true && patience.aborted) {
        throw new EncodeError('HOST_UNREACHABLE', `Host "${config.name}" did not say what it is within ${timeoutMs / 1000} s`, {
          hint: 'Look whether a login there waits for something (a login file that asks, a hanging mount)',
          cause: error,
        })
      }
      throw error
    })
    .then((answer) => toFacts(answer, config))
  const facts = await Promise.race([ready.promise, telling])
  if (known === undefined || facts !== early) return { facts, confirming: undefined }
  const confirming = telling.then((told) => isSameFfmpeg(known, toKnownFfmpeg(told)))
  confirming.catch(() => {}) // told to whoever waits for it
  return { facts, confirming }
}

/** What is demanded of a host. */
export function toFacts(answer: HostAnswer, config: HostConfig): HostFacts {
  const { name } = config
  const { os, ffmpegPath, ffmpegVersion } = answer
  // Cygwin and MSYS2 are POSIX systems with Windows drives, their own sshd among them. The shell that comes with Git is only a shell.
  if (os === 'windows' && !/^(?:CYGWIN|MSYS)/.test(answer.systemName)) throw windowsUnsupported(name)
  if (os === undefined && answer.systemName === '') {
    throw new EncodeError('HOST_UNSUPPORTED', `Host "${name}" does not tell what it runs: "uname" says nothing there`, {
      hint: 'Look at the PATH that its login shell has when nobody logs in by hand: "ssh HOST uname" must answer',
    })
  }
  if (os === undefined) {
    throw new EncodeError('HOST_UNSUPPORTED', `Host "${name}" runs ${toVisible(answer.systemName)}, which is not supported`, {
      hint: 'Hosts can run Linux, macOS, FreeBSD, OpenBSD or NetBSD',
    })
  }
  if (ffmpegPath === undefined) throw noFfmpeg(config)
  if (ffmpegVersion === undefined) {
    throw new EncodeError('HOST_NO_FFMPEG', `"${toVisible(ffmpegPath)}" on host "${name}" does not run: ${said(answer.ffmpegFirstLine)}`, {
      hint: `Install a working ffmpeg there, or set "ffmpeg:" of host "${name}" to the absolute path of one`,
    })
  }
  if (answer.workingDirError !== undefined) {
    throw new EncodeError(
      'HOST_FOLDER_UNUSABLE',
      `Host "${name}" cannot write its working folder "${toVisible(answer.workingDir)}": ${said(answer.workingDirError)}`,
      { hint: `Make it writable for the user there, or set "working_dir:" of host "${name}" to a folder with room for the media` },
    )
  }
  const { systemName: _system, home: _home, ffmpegFirstLine: _line, workingDirError: _error, ...facts } = answer
  return { ...facts, os, ffmpegPath, ffmpegVersion }
}

/** Whoever says more has not said it, and is not looked through again and again. */
const MAX_EARLY_LENGTH = 16_384

interface Question {
  readonly timing: LeashTiming
  readonly signal: AbortSignal
  readonly changesNothing: boolean
  readonly known: KnownFfmpeg | undefined
  /** Told once, before ffmpeg has answered, where it is the known one. */
  readonly onReady: (answer: HostAnswer) => void
}

async function ask(transport: CommandTransport, config: HostConfig, question: Question): Promise<HostAnswer> {
  const { timing, signal, changesNothing, known, onReady } = question
  const { name: hostName, env } = config
  const output = createCollector(MAX_STDOUT_BYTES, 'head')
  let isOver = known === undefined
  try {
    const argv = factsCommand(config, { changesNothing, knownFile: known?.ffmpegFile })
    const { status, stderr } = await runOnLeash(toQuiet(transport), argv, {
      signal,
      timing,
      hostName,
      env,
      onStdout(chunk) {
        output.add(chunk)
        if (isOver || known === undefined) return
        const said = output.text()
        const early = parseReady(said, known)
        isOver = early !== undefined || said.length > MAX_EARLY_LENGTH
        if (early !== undefined) onReady(early)
      },
    })
    const stdout = output.text()
    const answer = parseFacts(stdout)
    if (answer !== undefined) return answer
    throw new EncodeError('HOST_UNSUPPORTED', `Host "${hostName}" does not answer like a POSIX system (status ${status}): ${said(stderr)}`)
  } catch (error) {
    if (!isEncodeError(error, 'COMMAND_FAILED')) throw error
    const shell = await describeShell(transport, signal)
    if (shell.kind === 'windows') throw new WindowsShell(shell)
    if (shell.kind === 'posix') {
      throw new EncodeError('HOST_UNSUPPORTED', `Host "${hostName}" cannot run /bin/sh: ${error.message}`, { cause: error })
    }
    throw new EncodeError('HOST_UNSUPPORTED', `Host "${hostName}" lets this user in but gives no shell: ${said(shell.said)}`, {
      hint: 'Give the user a login shell there, and its key no forced command',
      cause: error,
    })
  }
}

/** Where it is cmd.exe that reads the first line: what begins with a colon is a label there, and the rest of its line nothing. */
function toQuiet(transport: CommandTransport): CommandTransport {
  return { ...transport, openCommand: (commandLine, signal) => transport.openCommand(`: ; ${commandLine}`, signal) }
}

function noFfmpeg({ name, ffmpeg }: HostConfig): EncodeError {
  if (ffmpeg !== undefined) {
    return new EncodeError('HOST_NO_FFMPEG', `Host "${name}" has no program "${toVisible(ffmpeg)}"`, {
      hint: `Correct "ffmpeg:" of host "${name}", or leave it out to have ffmpeg looked for`,
    })
  }
  const places = `on its PATH, in ${PROGRAM_FOLDERS.join(', ')} and on its login shell's PATH`
  return new EncodeError('HOST_NO_FFMPEG', `Host "${name}" has no ffmpeg (looked for ${places})`, {
    hint: `Install ffmpeg there, or set "ffmpeg:" of host "${name}" to its absolute path`,
  })
}

function windowsUnsupported(name: string): EncodeError {
  return new EncodeError('HOST_UNSUPPORTED', `Host "${name}" runs Windows, and the shell of its SSH server is one that came with Git`, {
    hint: 'Make cmd.exe or PowerShell the default shell there: remove DefaultShell from HKLM\\SOFTWARE\\OpenSSH',
  })
}

function said(text: string): string {
  const line = toPlainLine(text)
  return line === '' ? 'it said nothing' : `it said "${line}"`
}
