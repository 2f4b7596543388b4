import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openArrivingSource } from '../../src/transfer/arriving-source.ts'
import { describeOnWine } from '../host/windows/describe-on-wine.ts'
import { reachWindows } from '../host/windows/reach-windows.ts'
import { startWindowsServer } from '../host/windows/windows-server.ts'

describeOnWine('a source that arrives on Windows', (on) => {
  test.each([
    ['with PowerShell', { hasPowerShell: true }],
    ['without PowerShell', { hasPowerShell: false }],
  ])('is read whole by ffmpeg.exe, %s, and by nobody without the token', async (_, options) => {
    const path = join(on.homeFolder, 'film.mkv')
    const film = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=4,noise=alls=40:allf=t', '-c:v', 'mjpeg', '-q:v', '2']
    execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...film, path])
    const { size: sizeBytes, mtimeMs } = await stat(path)
    await using server = await startWindowsServer({ wine: on.wine, ...options })
    await using host = reachWindows(server, on.homeFolder)
    const { ffmpegPath } = await host.open()
    const request = { host, source: { path, sizeBytes, mtimeMs }, extension: '.mkv' }
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
})
