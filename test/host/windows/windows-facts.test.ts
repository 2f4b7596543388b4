import { chmod, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer, type WindowsServer } from './windows-server.ts'

describeOnWine('what a Windows host tells', (on) => {
  test.each([
    ['by PowerShell', { hasPowerShell: true }, 0.42],
    // wmic of wine does not know the load.
    ['by wmic, where PowerShell does not run', { hasPowerShell: false }, 0],
  ])('is its memory, its clock and its load, %s', async (_, options, load) => {
    await using server = await startWindowsServer({ wine: on.wine, ...options })
    await using host = reachWindows(server, on.homeFolder)
    const { memoryBytes = 0 } = await host.open()
    // wmic leaves out what no program can have.
    expect(memoryBytes / totalmem()).toBeGreaterThan(0.8)
    expect(memoryBytes / totalmem()).toBeLessThan(1.05)
    const beforeSeconds = Date.now() / 1000
    const seconds = await host.readClock?.()
    // wine counts in ticks of its own.
    expect(seconds).toBeGreaterThan(beforeSeconds - 0.1)
    expect(seconds).toBeLessThan(Date.now() / 1000 + 0.1)
    expect(await host.load()).toEqual({ cpuRatio: load })
  })

  test('is also whether media can be written, which changes nothing of them', async () => {
    await using server: WindowsServer = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    await using host = reachWindows(server, on.homeFolder)
    await host.open()
    const [open, closed] = ['open.mkv', 'read only.mkv'].map((name) => join(server.localFolder, name)) as [string, string]
    await writeFile(open, 'film')
    await writeFile(closed, 'film')
    await chmod(closed, 0o444)
    expect(await host.canWriteFile?.(`${server.folder}\\open.mkv`)).toBe(true)
    expect(await host.canWriteFile?.(`${server.folder}\\read only.mkv`)).toBe(false)
    expect(await host.canWriteFile?.(`${server.folder}\\gone.mkv`)).toBeUndefined()
    expect(await host.statFile(`${server.folder}\\open.mkv`)).toMatchObject({ sizeBytes: 4 })
  })
})
