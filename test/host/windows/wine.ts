/**
 * Windows without Windows: wine, in a prefix (wine-prefix.ts) that has ffmpeg.exe and two small programs of ours (test/fixtures/windows).
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { describeLack } from '../../capabilities.ts'
import { openWinePrefix, wineEnvironment } from './wine-prefix.ts'

/** How long what is shared stays after the last test file that uses it: the next one finds it there. */
const LINGER_SECONDS = 15

/** Why there are no Windows hosts here; undefined where there are. */
export const lacksWine: string | undefined = describeLack('wine', 'windowsCompiler', 'windowsFfmpeg')

export interface Wine {
  /** Of the drive C:, on this machine. */
  readonly driveC: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts what wine's programs share, so that none of them has to. It ends by itself, a while after this process. */
export async function startWine(): Promise<Wine> {
  const prefix = await openWinePrefix()
  const env = wineEnvironment(prefix)
  startServer(env)
  await startKeeper(env)
  return { driveC: join(prefix, 'drive_c'), env }
}

/**
 * All that a program of wine asks of Windows, some thousand things until it runs, it asks this one process. Beside other tests each answer
 * would wait for its turn on a processor: where that is allowed, it goes before them, and takes little.
 */
function startServer(env: Readonly<Record<string, string>>): void {
  const server = ['/usr/bin/wineserver', `-p${LINGER_SECONDS}`]
  // It says 2 when there is one already.
  if ([0, 2].includes(spawnSync('chrt', ['-r', '1', ...server], { env, stdio: 'ignore' }).status ?? 1)) return
  spawnSync('/usr/bin/wineserver', server.slice(1), { env, stdio: 'ignore' })
}

/**
 * Holds wine's services and its desktop up for as long as this process lives. They are started by the first program that needs them, and
 * hold its pipes open until no program runs in the prefix any more: a session that had started them would never be seen to end, as long as
 * other tests have sessions there. ffmpeg uses all that a run does.
 */
async function startKeeper(env: Readonly<Record<string, string>>): Promise<void> {
  const line = `C:\\ffmpeg\\bin\\ffmpeg.exe -version >nul 2>&1 & echo ready & set /p KEEPER= & ping -n ${LINGER_SECONDS} 127.0.0.1 >nul`
  const keeper = spawn('/usr/bin/wine', ['cmd', '/c', line], { env, stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  keeper.stdin.on('error', () => undefined)
  await once(keeper.stdout, 'data')
  keeper.stdout.destroy()
  keeper.unref()
  if (keeper.stdin instanceof Socket) keeper.stdin.unref()
}
