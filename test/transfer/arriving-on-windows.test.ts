import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openArrivingSource } from '../../src/transfer/arriving-source.ts'
import { reachWindows } from '../host/windows/reach-windows.ts'
import { startWindowsServer } from '../host/windows/windows-server.ts'
import { lacksWine, startWine, type Wine } from '../host/windows/wine.ts'

describe.runIf(lacksWine === undefined)(
  `a source that arrives on Windows${lacksWine === undefined ? '' : ` (SKIPPED: ${lacksWine})`}`,
  () => {
    let wine: Wine
    let folder: string
    beforeAll(async () => {
      wine = await startWine()
      folder = await mkdtemp(join(tmpdir(), 'encode-arriving-windows-'))
    }, 120_000)
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true })
    })

    test.each([
      ['with PowerShell', { hasPowerShell: true }],
      ['without PowerShell', { hasPowerShell: false }],
    ])('is read whole by ffmpeg.exe, %s, and by nobody without the token', async (_, options) => {
      const path = join(folder, 'film.mkv')
      const film = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=4,noise=alls=40:allf=t', '-c:v', 'mjpeg', '-q:v', '2']
      execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...film, path])
      const { size: sizeBytes, mtimeMs } = await stat(path)
      await using server = await startWindowsServer({ wine, ...options })
      await using host = reachWindows(server, folder)
      const { ffmpegPath } = await host.open()
      const request = { host, source: { path, sizeBytes, mtimeMs }, tokenFile: `${server.folder}\\token`, extension: '.mkv' }
      const source = await openArrivingSource({ ...request, signal: AbortSignal.timeout(30_000) })
      try {
        const argv = [ffmpegPath, '-nostdin', '-v', 'error', '-i', source.input, '-c', 'copy', '-f', 'framehash', '-hash', 'md5', '-']
        const stranger = await host.run(argv, {
          env: { ...source.env, http_proxy: source.env.http_proxy?.replace(/:[0-9a-f]{32}@/, ':wrong@') ?? '' },
        })
        expect(stranger.status).not.toBe(0)
        const { status, stdout, stderr } = await host.run([...source.launcher, ...argv], { env: source.env })
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
        expect(stdout.match(/^0,/gm)).toHaveLength(100)
        await source.assertWhole(stderr)
      } finally {
        await source.close()
      }
      // PowerShell's leash gets it over stdin; cmd.exe must have it on its line, which nobody else sees there.
      if (options.hasPowerShell) expect(server.commands.join('\n')).not.toMatch(/http_proxy/)
    })
  },
)
