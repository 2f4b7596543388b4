/** What the controller itself is, where that is Windows: what Node tells, and ffmpeg's own answers. */

import { randomBytes } from 'node:crypto'
import { mkdir, rmdir, stat, statfs } from 'node:fs/promises'
import { availableParallelism, machine, totalmem } from 'node:os'
import { win32 } from 'node:path'
import { EncodeError, messageOf } from '../../core/errors.ts'
import { findWindowsProgram } from '../../core/find-program.ts'
import { makeFolders } from '../../core/make-folders.ts'
import { toVisible } from '../../core/text.ts'
import type { HostConfig } from '../../model/config.ts'
import type { HostFacts, RunResult } from '../host.ts'
import { askFfmpeg } from '../windows/ask-ffmpeg.ts'
import { programFolders } from '../windows/windows-facts.ts'

export interface FactsHereOptions {
  readonly config: HostConfig
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeFolder: string
  readonly run: (argv: readonly string[]) => Promise<RunResult>
  readonly changesNothing: boolean
}

/** @throws HOST_NO_FFMPEG, HOST_FOLDER_UNUSABLE */
export async function loadWindowsFactsHere(options: FactsHereOptions): Promise<HostFacts> {
  const { config, run } = options
  const { name } = config
  const ffmpegPath = await findFfmpeg(options)
  const [answer, ffprobePath, workingDir] = await Promise.all([
    askFfmpeg({ hostName: name, ffmpegPath, run, hint: 'Install a working ffmpeg, or set "ffmpeg" to the absolute path of one' }),
    // They belong together.
    findProgram(options, config.ffprobe ?? win32.join(win32.dirname(ffmpegPath), 'ffprobe')),
    openWorkingFolder(options),
  ])
  const space = await statfs(workingDir.existing).catch(() => undefined)
  return {
    os: 'windows',
    arch: machine(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    ...answer,
    ffmpegPath,
    ffprobePath,
    workingDir: workingDir.path,
    freeBytes: space === undefined ? undefined : space.bavail * space.bsize,
  }
}

/** On the PATH, and where installers put it that do not change the PATH of a terminal that is open already. */
async function findProgram({ env, homeFolder }: FactsHereOptions, wanted: string): Promise<string | undefined> {
  const name = wanted.startsWith('~') ? win32.join(homeFolder, wanted.slice(1)) : wanted
  const search = { ...env, PATHEXT: '.EXE' }
  const found = await findWindowsProgram(name, { env: search })
  if (found !== undefined || /[\\/:]/.test(name)) return found
  const environment = new Map(Object.entries(env).map(([key, value]) => [key.toUpperCase(), value ?? '']))
  return await findWindowsProgram(name, { env: { PATH: programFolders(environment, homeFolder).join(';'), PATHEXT: '.EXE' } })
}

async function findFfmpeg(options: FactsHereOptions): Promise<string> {
  const { name, ffmpeg } = options.config
  const path = await findProgram(options, ffmpeg ?? 'ffmpeg')
  if (path !== undefined) return path
  if (ffmpeg !== undefined) {
    throw new EncodeError('HOST_NO_FFMPEG', `Host "${name}" has no program "${toVisible(ffmpeg)}"`, {
      hint: 'Correct "ffmpeg", or leave it out to have ffmpeg looked for',
    })
  }
  throw new EncodeError(
    'HOST_NO_FFMPEG',
    `Host "${name}", which is this machine, has no ffmpeg (looked for on the PATH, where winget, Chocolatey and Scoop put it, and in C:\\ffmpeg\\bin)`,
    { hint: 'Install it ("winget install ffmpeg"), or set "ffmpeg" in the section "config" to the path of ffmpeg.exe' },
  )
}

interface WorkingFolder {
  readonly path: string
  /** It, or the nearest folder above it that is there. */
  readonly existing: string
}

async function openWorkingFolder({ config, env, homeFolder, changesNothing }: FactsHereOptions): Promise<WorkingFolder> {
  const { name, workingDir } = config
  const local = env.LOCALAPPDATA ?? win32.join(homeFolder, 'AppData', 'Local')
  const wanted = (workingDir ?? win32.join(local, 'encode', 'work')).replaceAll('/', '\\')
  const path = /^~(?:\\|$)/.test(wanted) ? win32.join(homeFolder, wanted.slice(1)) : wanted
  const unusable = (why: string, cause?: unknown): EncodeError =>
    new EncodeError('HOST_FOLDER_UNUSABLE', `Host "${name}" cannot write its working folder "${toVisible(path)}": ${why}`, {
      hint: `Make it writable, or set "working_dir:" of host "${name}" to a folder with room for the media`,
      cause,
    })
  if (!win32.isAbsolute(path) || path.startsWith('\\\\')) throw unusable('it is not an absolute path with a drive')
  if (changesNothing) {
    let existing = path
    while (!(await isFolder(existing))) {
      const above = win32.dirname(existing)
      if (above === existing) throw unusable('its drive is not there')
      existing = above
    }
    return { path, existing }
  }
  const trial = win32.join(path, `.encode-${randomBytes(6).toString('hex')}`)
  try {
    await makeFolders(path, 0o700)
    await mkdir(trial)
    await rmdir(trial)
  } catch (error) {
    throw unusable(messageOf(error), error)
  }
  return { path, existing: path }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
