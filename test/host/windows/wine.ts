/**
 * Windows without Windows: wine, ffmpeg.exe, and two small programs of ours (test/fixtures/windows), in a prefix that is made once and kept in
 * the user's cache, since making it takes longer than most tests. Not in this folder: its drives are links that lead everywhere.
 */

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')
const FFMPEG = join(ROOT, 'node_modules/.cache/windows/ffmpeg.exe')
const LINGER_SECONDS = 15
const COMPILER = '/usr/bin/x86_64-w64-mingw32-gcc'

/** Why there are no Windows hosts here; undefined where there are. */
export const lacksWine: string | undefined = !existsSync('/usr/bin/wine')
  ? 'wine is not installed'
  : !existsSync(COMPILER)
    ? 'gcc-mingw-w64-x86-64-win32 is not installed'
    : !existsSync(FFMPEG)
      ? 'ffmpeg.exe is missing: run .ci/setup test'
      : undefined

export interface Wine {
  /** Of the drive C:, on this machine. */
  readonly driveC: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts a server for wine's processes, so that none of them has to. Test files share it; it ends by itself, a while after the last of them. */
export async function startWine(): Promise<Wine> {
  const prefix = await findPrefix()
  if (!existsSync(join(prefix, 'ready'))) await makePrefix(prefix)
  const env = wineEnvironment(prefix)
  // It says 2 when there is one already.
  spawnSync('/usr/bin/wineserver', [`-p${LINGER_SECONDS}`], { env, stdio: 'ignore' })
  // The first program starts the services of the prefix. They would hold a pipe open.
  execFileSync('/usr/bin/wine', ['cmd', '/c', 'ver'], { env, stdio: 'ignore' })
  return { driveC: join(prefix, 'drive_c'), env }
}

/** Another one for other programs in it. */
async function findPrefix(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['session.c', 'powershell.c']) hash.update(await readFile(join(ROOT, 'test/fixtures/windows', name)))
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  return join(cache, 'encode-tests', `wine-${hash.digest('hex').slice(0, 12)}`)
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
  compileForWindows('session.c', join(driveC, 'tools/session.exe'))
  compileForWindows('powershell.c', join(driveC, 'powershell/powershell.exe'))
  execFileSync('touch', [join(made, 'ready')])
  // Another process may have been faster.
  await rename(made, prefix).catch(() => rm(made, { recursive: true }))
}

/** @param source of `test/fixtures/windows` */
export function compileForWindows(source: string, program: string): void {
  execFileSync(COMPILER, ['-O1', '-w', '-o', program, join(ROOT, 'test/fixtures/windows', source)])
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
