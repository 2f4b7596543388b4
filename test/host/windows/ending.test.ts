import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Host } from '../../../src/host/host.ts'
import { startQuietClock } from '../../quiet-clock.ts'
import { waitUntil } from '../../wait-until.ts'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer, type WindowsServer } from './windows-server.ts'
import { canStartWindowsSshd, startWindowsSshd } from './windows-sshd.ts'
import type { Wine } from './wine.ts'

/** Microsoft's server as ssh2 plays it, and a real one that does not know that its shell is Windows. */
const SERVERS = [
  { server: 'an emulated server', start: startWindowsServer, canStart: true },
  { server: 'a real sshd', start: startWindowsSshd, canStart: canStartWindowsSshd },
] as const

const KINDS = SERVERS.filter(({ canStart }) => canStart).flatMap(({ server, start }) => [
  { server, shell: 'cmd.exe alone', start: async (wine: Wine) => await start({ wine }) },
  { server, shell: 'PowerShell', start: async (wine: Wine) => await start({ wine, hasPowerShell: true }) },
])

const FILE = 'left & 100%.mkv'

describeOnWine('what runs on a Windows host', (on) => {
  // Most of the time is waiting: they wait together.
  test.concurrent.each(KINDS)('is ended by $shell behind $server', async ({ start }) => {
    await using server = await start(on.wine)
    await using host = reachWindows(server, on.homeFolder)
    const { ffmpegPath, workingDir } = await host.open()

    // The status is the program's own: what SSH tells of a leash without PowerShell is that of a shell that was killed.
    const missing = await host.run([ffmpegPath, '-v', 'error', '-i', 'C:\\no such & 100% file%PATH%.mkv'])
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining('C:\\no such & 100% file%PATH%.mkv: No such file') })

    // Only one that ended by itself, asked to, says `progress=end`.
    const asked = await abortFfmpeg(host, server, [ffmpegPath, '-nostdin'])
    expect(asked.output).toMatch(/progress=end\s*$/)
    expect(asked.tookMs).toBeLessThan(2000)

    // It does not listen, as the flag is not where a leash looks for it.
    const killed = await abortFfmpeg(host, server, [ffmpegPath, '-hide_banner', '-nostdin'])
    expect(killed.output).toMatch(/progress=continue\s*$/)
    expect(killed.tookMs).toBeLessThan(5000)

    const file = join(server.localFolder, 'work', FILE)
    await host.guardFile(`${workingDir}\\${FILE}`)
    await writeFile(file, 'x')
    await startFfmpeg(host, server, [ffmpegPath])
    server.cutNetwork()
    const cutMs = performance.now()
    await waitUntil(async () => (await findFfmpegs(server)).length === 0, { what: 'ffmpeg is gone', timeoutMs: 30_000 })
    // The limit is 5 s here: TEST_TIMING.
    expect(performance.now() - cutMs).toBeLessThan(12_000)
    await waitUntil(() => !existsSync(file), { what: 'the file is gone', timeoutMs: 30_000 })
    await waitUntil(async () => (await findTemporaryFolders(server)).length === 0, {
      what: 'the folder of the heartbeat is gone',
      timeoutMs: 30_000,
    })
  })

  /** Those that this controller had there for its heartbeats. */
  async function findTemporaryFolders(server: WindowsServer): Promise<readonly string[]> {
    const made = server.commands.flatMap((command) => /!TEMP!\\(encode-\w+)/.exec(command)?.[1] ?? [])
    const present = await readdir(join(on.wine.driveC, 'users', userInfo().username, 'Temp'))
    return present.filter((name) => made.includes(name))
  }
})

interface Started {
  readonly run: Promise<unknown>
  output(): string
}

/** For good. Resolves when it runs. */
async function startFfmpeg(host: Host, server: WindowsServer, argv: readonly string[], signal?: AbortSignal): Promise<Started> {
  const said = Promise.withResolvers<'runs'>()
  let output = ''
  const source = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=64x64']
  // Processes of the server are found by its name.
  const sink = ['-progress', 'pipe:1', '-metadata', `title=${server.folder}`, '-f', 'null', '-']
  const run = host.run([...argv, ...source, ...sink], {
    signal,
    onStdout: (chunk) => {
      output += chunk
      said.resolve('runs')
    },
  })
  run.catch(() => undefined)
  expect(await Promise.race([said.promise, run])).toBe('runs')
  expect(await findFfmpegs(server), output).not.toEqual([])
  return { run, output: () => output }
}

async function abortFfmpeg(host: Host, server: WindowsServer, argv: readonly string[]) {
  const reason = new Error('changed my mind')
  const stop = new AbortController()
  const { run, output } = await startFfmpeg(host, server, argv, stop.signal)
  const quietMs = startQuietClock()
  stop.abort(reason)
  await expect(run).rejects.toBe(reason)
  const tookMs = quietMs()
  // Where the server sends no signals, a leash of cmd.exe looks once a second whether it is to end; this machine may be slow.
  await waitUntil(async () => (await findFfmpegs(server)).length === 0, { what: 'ffmpeg is gone', timeoutMs: 5000 })
  return { output: output(), tookMs }
}

async function findFfmpegs(server: WindowsServer): Promise<readonly string[]> {
  return (await server.processes()).filter((args) => args.includes('testsrc2'))
}
