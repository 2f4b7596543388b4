/**
 * The folder in which wine keeps a Windows, made once and kept in the user's cache, since making it takes longer than most tests. Not in this
 * folder: its drives are links that lead everywhere.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')
const HOUR_MS = 3_600_000

const FFMPEG = join(ROOT, 'node_modules/.cache/windows/ffmpeg.exe')
export const COMPILER = '/usr/bin/x86_64-w64-mingw32-gcc'

/** The one of today's programs; made where it is missing. */
export async function openWinePrefix(): Promise<string> {
  const prefix = await findPrefix()
  if (!existsSync(join(prefix, 'ready'))) {
    await makePrefix(prefix)
    await removeOtherPrefixes(prefix)
  }
  const now = new Date()
  await utimes(join(prefix, 'ready'), now, now)
  return prefix
}

export function wineEnvironment(prefix: string): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: prefix,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
    LANG: 'C.UTF-8',
  }
}

/** @param source of `test/fixtures/windows` */
export function compileForWindows(source: string, program: string): void {
  execFileSync(COMPILER, ['-O1', '-w', '-o', program, join(ROOT, 'test/fixtures/windows', source)])
}

/** Removes what earlier versions of the programs had, nearly 1 GB each; not what another checkout has used in the last hour, or uses. */
export async function removeOtherPrefixes(prefix: string): Promise<void> {
  const cache = dirname(prefix)
  const others = (await readdir(cache)).filter((name) => /^wine-[0-9a-f]{12}(?:\.\d+)?$/.test(name) && name !== basename(prefix))
  for (const folder of others.map((name) => join(cache, name))) {
    // Without that file it is one that is being made, or never was to its end.
    const { mtimeMs } = await stat(join(folder, 'ready')).catch(async () => await stat(folder).catch(() => ({ mtimeMs: Date.now() })))
    if (Date.now() - mtimeMs > HOUR_MS && !(await isUsed(folder))) await rm(folder, { recursive: true, force: true })
  }
}

async function isUsed(prefix: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const environments = await Promise.all(pids.map(async (pid) => await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')))
  return environments.some((text) => text.split('\0').includes(`WINEPREFIX=${prefix}`))
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
  await writeFile(join(made, 'ready'), '')
  // Another process may have been faster.
  await rename(made, prefix).catch(() => rm(made, { recursive: true }))
}
