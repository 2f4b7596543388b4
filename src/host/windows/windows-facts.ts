/**
 * What a Windows host is, found out without a script: its environment with one command that is the same text for every shell, its files
 * over SFTP, and ffmpeg's own answers.
 */

import { randomBytes } from 'node:crypto'
import { EncodeError, messageOf } from '../../core/errors.ts'
import { toPlainLine, toVisible } from '../../core/text.ts'
import type { HostConfig } from '../../model/config.ts'
import type { CommandTransport } from '../channel.ts'
import type { HostFacts, RunOptions, RunResult } from '../host.ts'
import type { SftpSession } from '../ssh/sftp-session.ts'
import { askFfmpeg } from './ask-ffmpeg.ts'
import { askPlainly } from './ask-plainly.ts'
import { makeFolders } from './windows-files.ts'
import { fromSftpPath, isWindowsPath, joinWindowsPath, toSftpPath } from './windows-paths.ts'
import type { SystemAnswer } from './windows-system.ts'

/** Names are in capitals: Windows does not tell them apart. */
export type WindowsEnvironment = ReadonlyMap<string, string>

export interface WindowsFactsOptions {
  readonly config: HostConfig
  readonly environment: WindowsEnvironment
  readonly files: SftpSession
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<RunResult>
  readonly askSystem: (signal: AbortSignal) => Promise<SystemAnswer>
  readonly changesNothing: boolean
  readonly signal: AbortSignal
}

/** \`/u\` has it answer in UTF-16, whatever the code page; no character of it is special to any shell. */
const ENVIRONMENT_COMMAND = 'cmd.exe /u /d /c set'
const MAX_WORD = 80
const MAX_CORES = 65_536

/** @throws HOST_LOST, or HOST_UNSUPPORTED when the answer is none of Windows. */
export async function loadWindowsEnvironment(
  transport: CommandTransport,
  hostName: string,
  signal: AbortSignal,
): Promise<WindowsEnvironment> {
  const environment = parseEnvironment(await askPlainly(transport, ENVIRONMENT_COMMAND, signal))
  if (environment.get('OS') === 'Windows_NT') return environment
  throw new EncodeError('HOST_UNSUPPORTED', `Host "${hostName}" looks like Windows and runs no cmd.exe`, {
    hint: 'Look whether a policy there forbids cmd.exe to this user',
  })
}

export function parseEnvironment(text: string): WindowsEnvironment {
  const entries = text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf('=', 1)
    return at === -1 ? [] : [[line.slice(0, at).toUpperCase(), line.slice(at + 1)] as const]
  })
  return new Map(entries)
}

/** @throws HOST_NO_FFMPEG, HOST_FOLDER_UNUSABLE */
export async function loadWindowsFacts(options: WindowsFactsOptions): Promise<HostFacts> {
  const { config, environment, files, run, signal } = options
  const home = fromSftpPath(await files.realPath('.'))
  const ffmpegPath = await findFfmpeg(options, home)
  const [answer, ffprobePath, workingDir, system] = await Promise.all([
    askFfmpeg({
      hostName: config.name,
      ffmpegPath,
      run: async (argv) => await run(argv, { signal }),
      hint: `Install a working ffmpeg there, or set "ffmpeg:" of host "${config.name}" to the absolute path of one`,
    }),
    findFfprobe(options, ffmpegPath, home),
    openWorkingFolder(options, home),
    options.askSystem(signal),
  ])
  const cores = Number(environment.get('NUMBER_OF_PROCESSORS'))
  return {
    os: 'windows',
    arch: toArchitecture(environment.get('PROCESSOR_ARCHITEW6432') ?? environment.get('PROCESSOR_ARCHITECTURE') ?? ''),
    cores: Number.isInteger(cores) && cores >= 1 ? Math.min(cores, MAX_CORES) : 1,
    memoryBytes: system.memoryBytes,
    ...answer,
    ffmpegPath,
    ffprobePath,
    workingDir: workingDir.path,
    freeBytes: await files.freeBytes(toSftpPath(workingDir.existing)),
  }
}

/** Where installers put ffmpeg that do not change the PATH of sessions over SSH, which is the system's as it was when sshd started. */
export function programFolders(environment: WindowsEnvironment, home: string): readonly string[] {
  const at = (name: string, rest: string): readonly string[] => {
    const folder = environment.get(name)
    return folder === undefined ? [] : [joinWindowsPath(folder, rest)]
  }
  return [
    ...at('LOCALAPPDATA', 'Microsoft\\WinGet\\Links'),
    ...at('PROGRAMFILES', 'WinGet\\Links'),
    ...at('CHOCOLATEYINSTALL', 'bin'),
    ...at('PROGRAMDATA', 'chocolatey\\bin'),
    joinWindowsPath(home, 'scoop\\shims'),
    'C:\\ffmpeg\\bin',
    ...at('PROGRAMFILES', 'ffmpeg\\bin'),
  ]
}

async function findFfmpeg(options: WindowsFactsOptions, home: string): Promise<string> {
  const { config } = options
  const path = await findProgram(options, config.ffmpeg ?? 'ffmpeg', home)
  if (path !== undefined) return path
  if (config.ffmpeg !== undefined) {
    throw new EncodeError('HOST_NO_FFMPEG', `Host "${config.name}" has no program "${toVisible(config.ffmpeg)}"`, {
      hint: `Correct "ffmpeg:" of host "${config.name}", or leave it out to have ffmpeg looked for`,
    })
  }
  throw new EncodeError(
    'HOST_NO_FFMPEG',
    `Host "${config.name}" has no ffmpeg (looked for on its PATH, and where winget, Chocolatey and Scoop put it, and in C:\\ffmpeg\\bin)`,
    {
      hint: `Install it there ("winget install ffmpeg") and start sshd anew ("Restart-Service sshd"), or set "ffmpeg:" of host "${config.name}" to the path of ffmpeg.exe`,
    },
  )
}

async function findFfprobe(options: WindowsFactsOptions, ffmpegPath: string, home: string): Promise<string | undefined> {
  if (options.config.ffprobe !== undefined) return await findProgram(options, options.config.ffprobe, home)
  // They belong together.
  return await findProgram(options, joinWindowsPath(ffmpegPath.replace(/[\\/][^\\/]*$/, ''), 'ffprobe.exe'), home)
}

/** @param wanted a path, or a name that is looked for. */
async function findProgram({ environment, files }: WindowsFactsOptions, wanted: string, home: string): Promise<string | undefined> {
  const name = wanted.replaceAll('/', '\\')
  const isPath = name.includes('\\')
  const path =
    environment
      .get('PATH')
      ?.split(';')
      .map((folder) => folder.replaceAll('"', '').trim())
      .filter(isWindowsPath) ?? []
  const folders = isPath ? [] : [...path, ...programFolders(environment, home)]
  const withExtension = /\.[a-z]{3}$/i.test(name) ? [name] : [`${name}.exe`, name]
  const candidates = isPath
    ? withExtension.map((each) => (each.startsWith('~\\') ? joinWindowsPath(home, each.slice(2)) : each))
    : folders.map((folder) => joinWindowsPath(folder, withExtension[0] ?? name))
  const found = await Promise.all(
    candidates.map(async (candidate) => {
      // A folder of the PATH that cannot be looked into has nothing for us.
      const entry = await files.stat(toSftpPath(candidate)).catch(() => undefined)
      return entry?.kind === 'file' ? candidate : undefined
    }),
  )
  return found.find((candidate) => candidate !== undefined)
}

interface WorkingFolder {
  readonly path: string
  /** It, or the nearest folder above it that is there. */
  readonly existing: string
}

async function openWorkingFolder(
  { config, environment, files, changesNothing }: WindowsFactsOptions,
  home: string,
): Promise<WorkingFolder> {
  const { name, workingDir } = config
  const local = environment.get('LOCALAPPDATA') ?? joinWindowsPath(home, 'AppData\\Local')
  const wanted = workingDir?.replaceAll('/', '\\') ?? joinWindowsPath(local, 'encode')
  const path = wanted === '~' ? home : wanted.startsWith('~\\') ? joinWindowsPath(home, wanted.slice(2)) : wanted
  const unusable = (why: string, cause?: unknown): EncodeError =>
    new EncodeError('HOST_FOLDER_UNUSABLE', `Host "${name}" cannot write its working folder "${toVisible(path)}": ${why}`, {
      hint: `Make it writable for the user there, or set "working_dir:" of host "${name}" to a folder with room for the media`,
      cause,
    })
  if (!/^[A-Za-z]:\\/.test(path)) throw unusable('it is not an absolute path with a drive')
  if (changesNothing) {
    let existing = path
    while ((await files.stat(toSftpPath(existing)))?.kind !== 'folder') {
      const above = existing.replace(/\\[^\\]*\\?$/, '')
      if (above === existing || above === '') throw unusable('its drive is not there')
      existing = /^[A-Za-z]:$/.test(above) ? `${above}\\` : above
      if (existing === `${above}\\` && (await files.stat(toSftpPath(existing))) === undefined) throw unusable('its drive is not there')
    }
    return { path, existing }
  }
  const trial = toSftpPath(joinWindowsPath(path, `.encode-${randomBytes(6).toString('hex')}`))
  try {
    await makeFolders(files, toSftpPath(path))
    await files.makeFolder(trial)
    await files.removeFolder(trial)
  } catch (error) {
    throw unusable(messageOf(error), error)
  }
  return { path, existing: path }
}

function toArchitecture(name: string): string {
  const known: Readonly<Record<string, string>> = { AMD64: 'x86_64', ARM64: 'arm64', X86: 'i686' }
  return known[name.toUpperCase()] ?? (toPlainLine(name, MAX_WORD) || 'unknown')
}
