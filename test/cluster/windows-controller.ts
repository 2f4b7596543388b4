/**
 * `encode` as a Windows program: the real Node for Windows under wine, in a console that can press Ctrl-C, in the prefix that the tests of
 * Windows hosts use too.
 */

import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeLack } from '../capabilities.ts'
import { lacksWine, startWine, type Wine } from '../host/windows/wine.ts'
import { compileForWindows } from '../host/windows/wine-prefix.ts'
import { findProcesses, type WineProcess } from '../host/windows/wine-processes.ts'
import type { EncodeOptions } from './encode-program.ts'

const ROOT = join(import.meta.dirname, '../..')
const FETCHED = join(ROOT, 'node_modules/.cache/windows')

/** Why there is no Windows controller here; undefined where there is one. */
export const lacksWindowsController: string | undefined = lacksWine ?? describeLack('windowsNode')

export interface WindowsController extends AsyncDisposable {
  /** Gives `startEncode` and the like this controller. */
  readonly options: EncodeOptions
  readonly wine: Wine
  /** The same with `bin\encode.cmd`, and without ffprobe on the PATH. */
  readonly bareOptions: EncodeOptions
  /** On drive C, and the same folder here. */
  readonly folder: string
  readonly localFolder: string
  /** What runs that names the folder. */
  processes(): Promise<readonly WineProcess[]>
}

/** A path of this machine as Windows programs reach it. */
export function toDriveZ(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`
}

export async function startWindowsController(): Promise<WindowsController> {
  const wine = await startWine()
  const tools = await installTools(wine)
  const env = { ...wine.env, NODE_COMPILE_CACHE: `C:\\${tools}\\cache` }
  const name = `k${randomBytes(4).toString('hex')}`
  const localFolder = join(wine.driveC, name)
  await mkdir(localFolder)
  const inConsole = (...argv: readonly string[]): readonly string[] => ['/usr/bin/wine', `C:\\${tools}\\console.exe`, ...argv]
  const main = toDriveZ(join(ROOT, 'dist/cli/main.js'))
  const launcher = toDriveZ(join(ROOT, 'bin/encode.cmd'))
  // wine sets LOCALAPPDATA anew.
  const options = { env: { ...env, XDG_STATE_HOME: `C:\\${name}\\state` }, isWholeEnv: true, cwd: localFolder }
  return {
    options: {
      ...options,
      program: inConsole(`C:\\${tools}\\node.exe`, main),
      env: { ...options.env, WINEPATH: `C:\\${tools};C:\\powershell` },
    },
    bareOptions: {
      ...options,
      program: inConsole('C:\\windows\\system32\\cmd.exe', '/c', launcher),
      env: { ...options.env, WINEPATH: `C:\\${tools}\\node` },
    },
    wine,
    folder: `C:\\${name}`,
    localFolder,
    processes: async () => await findProcesses(name),
    async [Symbol.asyncDispose]() {
      for (const { pid } of await findProcesses(name)) process.kill(pid, 'SIGKILL')
      await rm(localFolder, { recursive: true, force: true })
    },
  }
}

/** Kept in the prefix, under a name that tells them apart from other versions. */
async function installTools({ driveC, env }: Wine): Promise<string> {
  const node = await readFile(join(FETCHED, 'node.exe'))
  const source = await readFile(join(ROOT, 'test/fixtures/windows/console.c'))
  const name = `controller-${createHash('sha256').update(node.subarray(0, 4096)).update(source).digest('hex').slice(0, 12)}`
  const folder = join(driveC, name)
  if (existsSync(folder)) return name
  const made = `${folder}.${process.pid}`
  await mkdir(join(made, 'node'), { recursive: true })
  await writeFile(join(made, 'node.exe'), withoutPlaceholders(node))
  await link(join(made, 'node.exe'), join(made, 'node/node.exe'))
  await copyFile(join(FETCHED, 'ffprobe.exe'), join(made, 'ffprobe.exe'))
  compileForWindows('console.c', join(made, 'console.exe'))
  // Node refuses to run on a Windows that is older, and the prefix is one; what else runs there need not know.
  const key = String.raw`HKCU\Software\Wine\AppDefaults\node.exe`
  execFileSync('/usr/bin/wine', ['reg', 'add', key, '/v', 'Version', '/d', 'win10', '/f'], { env, stdio: 'ignore' })
  // Another process may have been faster.
  await rename(made, folder).catch(() => rm(made, { recursive: true }))
  return name
}

/**
 * wine 8 has a VirtualAlloc2 that knows no placeholders, and V8 ends itself at the first one that is refused; where Windows has no such
 * function (before 1803) it takes an older way. It looks the function up by this name, once, so that under another one there is none.
 */
function withoutPlaceholders(node: Buffer): Buffer {
  const patched = Buffer.from(node)
  const at = patched.indexOf('VirtualAlloc2\0')
  if (at === -1) throw new Error('node.exe names no VirtualAlloc2: it may run under wine as it is')
  patched.write('VirtualAllocX', at)
  return patched
}
