/**
 * Windows without Windows: wine, ffmpeg.exe, and two small programs of ours (test/fixtures/windows), in a prefix that is made once and kept in
 * node_modules/.cache, since making it takes longer than most tests.
 */

import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')
const CACHE = join(ROOT, 'node_modules/.cache/windows')
const FFMPEG = join(CACHE, 'ffmpeg.exe')
const COMPILER = '/usr/bin/x86_64-w64-mingw32-gcc'

/** Why there are no Windows hosts here; undefined where there are. */
export const lacksWine: string | undefined = !existsSync('/usr/bin/wine')
  ? 'wine is not installed'
  : !existsSync(COMPILER)
    ? 'gcc-mingw-w64-x86-64-win32 is not installed'
    : !existsSync(FFMPEG)
      ? 'ffmpeg.exe is missing: run .ci/setup test'
      : undefined

export interface Wine extends AsyncDisposable {
  /** Of the drive C:, on this machine. */
  readonly driveC: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts a server for wine's processes, so that none of them has to; it is ended by its number. */
export async function startWine(): Promise<Wine> {
  const prefix = join(CACHE, 'prefix')
  if (!existsSync(join(prefix, 'ready'))) await makePrefix(prefix)
  const env = wineEnvironment(prefix)
  const server = spawn('/usr/bin/wineserver', ['-f', '-p3600'], { env, stdio: 'ignore' })
  // The first program starts the services of the prefix.
  execFileSync('/usr/bin/wine', ['cmd', '/c', 'ver'], { env, stdio: 'ignore' })
  return {
    driveC: join(prefix, 'drive_c'),
    env,
    async [Symbol.asyncDispose]() {
      // Asked by its prefix alone: what other tests run in theirs stays.
      const ended = new Promise((resolve) => server.once('close', resolve))
      server.kill('SIGTERM')
      await ended
    },
  }
}

async function makePrefix(prefix: string): Promise<void> {
  const made = `${prefix}.${process.pid}`
  const env = wineEnvironment(made)
  await mkdir(made, { recursive: true })
  execFileSync('/usr/bin/wine', ['wineboot', '-i'], { env, stdio: 'ignore' })
  execFileSync('/usr/bin/wineserver', ['-k', '-w'], { env, stdio: 'ignore' })
  const driveC = join(made, 'drive_c')
  for (const folder of ['ffmpeg/bin', 'tools', 'powershell']) await mkdir(join(driveC, folder), { recursive: true })
  await copyFile(FFMPEG, join(driveC, 'ffmpeg/bin/ffmpeg.exe'))
  const source = (name: string): string => join(ROOT, 'test/fixtures/windows', name)
  execFileSync(COMPILER, ['-O1', '-w', '-o', join(driveC, 'tools/session.exe'), source('session.c')])
  execFileSync(COMPILER, ['-O1', '-w', '-o', join(driveC, 'powershell/powershell.exe'), source('powershell.c')])
  execFileSync('touch', [join(made, 'ready')])
  // Another process may have been faster.
  await rename(made, prefix).catch(() => rm(made, { recursive: true }))
}

function wineEnvironment(prefix: string): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: prefix,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
    LANG: 'C.UTF-8',
  }
}

/** Programs whose command line holds the text, wherever they stand. */
export async function findProcesses(text: string): Promise<readonly { readonly pid: number; readonly args: string }[]> {
  const found: { pid: number; args: string }[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
    if (args.includes(text)) found.push({ pid: Number(pid), args })
  }
  return found
}

export async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
