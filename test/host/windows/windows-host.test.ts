import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Host, HostFacts } from '../../../src/host/host.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { waitUntil } from '../../wait-until.ts'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer, type WindowsServer } from './windows-server.ts'

const KINDS = [
  { name: 'cmd.exe, without PowerShell', defaultShell: 'cmd', hasPowerShell: false },
  { name: 'cmd.exe, with PowerShell', defaultShell: 'cmd', hasPowerShell: true },
  { name: 'PowerShell', defaultShell: 'powershell', hasPowerShell: true },
] as const

describeOnWine('a Windows host', (on) => {
  describe.each(KINDS)('with the default shell $name', ({ defaultShell, hasPowerShell }) => {
    let server: WindowsServer
    let host: Host
    let facts: HostFacts
    beforeAll(async () => {
      server = await startWindowsServer({ wine: on.wine, defaultShell, hasPowerShell })
      host = reachWindows(server, on.homeFolder)
      facts = await host.open()
    }, 60_000)
    afterAll(async () => {
      await host?.[Symbol.asyncDispose]()
      await waitUntil(async () => (await server.processes()).length === 0, { what: 'nothing runs there' })
      await server?.[Symbol.asyncDispose]()
    })

    test('says what it is', async () => {
      expect(facts).toMatchObject({
        os: 'windows',
        arch: 'x86_64',
        ffmpegPath: 'C:\\ffmpeg\\bin\\ffmpeg.exe',
        ffmpegVersion: expect.stringMatching(/^N-/),
        workingDir: `${server.folder}\\work`,
      })
      expect(facts.cores).toBeGreaterThan(0)
      expect(facts.encoders).toContain('libx264')
      expect(facts.hwaccels).toContain('dxva2')
      expect(existsSync(join(server.localFolder, 'work'))).toBe(true)
    })

    test("gives back a program's own status and what it says", async () => {
      const { status, stderr } = await host.run([facts.ffmpegPath, '-v', 'error', '-i', 'C:\\no such & file%PATH%.mkv'])
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('C:\\no such & file%PATH%.mkv: No such file') })
    })

    if (defaultShell === 'powershell') {
      test.each<[string, Partial<HostConfig>, string, string]>([
        ['without its ffmpeg', { ffmpeg: 'C:\\nowhere\\ffmpeg.exe', os: 'windows' }, 'HOST_NO_FFMPEG', 'has no program'],
        ['configured as another system', { os: 'linux' }, 'HOST_UNSUPPORTED', 'is configured as "os: linux"'],
        ['with a working folder on no drive', { workingDir: 'Q:\\work' }, 'HOST_FOLDER_UNUSABLE', 'cannot write its working folder'],
      ])('is refused %s, with the reason', async (_, more, code, part) => {
        await using other = reachWindows(server, on.homeFolder, more)
        await expect(other.open()).rejects.toMatchObject({ code, message: expect.stringContaining(part), hint: expect.any(String) })
      })
      return
    }

    test('copies files there and back, under any name that Windows can hold, and removes them', async () => {
      for (const [name, size] of [
        ["it's 100% (a) & b^c! ü 漢.bin", 70_001],
        ['empty', 0],
        ['big', 3_000_001],
      ] as const) {
        const [here, there, back] = [join(on.homeFolder, 'here'), host.joinPath(facts.workingDir, name), join(on.homeFolder, 'back')]
        const bytes = randomBytes(size)
        await writeFile(here, bytes)
        await host.putFile(here, there)
        expect(await host.statFile(there)).toEqual({ kind: 'file', sizeBytes: size })
        await host.getFile(there, back)
        expect((await readFile(back)).equals(bytes), name).toBe(true)
        await rm(back)
        await host.removeFiles([there])
        expect(await host.statFile(there)).toBeUndefined()
      }
    })
  })
})
