import { mkdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeOnWine } from './describe-on-wine.ts'
import { reachWindows } from './reach-windows.ts'
import { startWindowsServer } from './windows-server.ts'

const MIB = 2 ** 20

describeOnWine('files of a Windows host', (on) => {
  test('may have paths of more than 260 characters, for ffmpeg too', async () => {
    await using server = await startWindowsServer({ wine: on.wine, hasPowerShell: true })
    await using host = reachWindows(server, on.homeFolder)
    const { ffmpegPath } = await host.open()
    const folder = `${server.folder}\\${'a folder & more\\'.repeat(20)}`
    await host.makeFolder(folder)
    const path = `${folder}a film's.mkv`
    expect(path.length).toBeGreaterThan(300)
    const film = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:duration=0.2', '-c:v', 'mjpeg']
    const made = await host.run([ffmpegPath, '-nostdin', '-v', 'error', '-y', ...film, path])
    expect(made).toMatchObject({ status: 0, stderr: '' })
    const read = await host.run([ffmpegPath, '-nostdin', '-v', 'error', '-i', path, '-f', 'null', '-'])
    expect(read).toMatchObject({ status: 0, stderr: '' })
    expect((await host.statFile(path))?.sizeBytes).toBeGreaterThan(1000)
    await host.removeFiles([`${server.folder}\\a folder & more`])
    expect(await host.statFile(path)).toBeUndefined()
  })

  test('that are too large for its drive, and those that are held open, are told with their cure', async () => {
    await using server = await startWindowsServer({ wine: on.wine, hasPowerShell: true, maxFileBytes: 4096 * MIB - 1 })
    await using host = reachWindows(server, on.homeFolder)
    await using other = reachWindows(server, on.homeFolder)
    await Promise.all([host.open(), other.open()])
    // Its beginning has come over; both are holes.
    const film = join(on.homeFolder, 'film.mkv')
    const [part, name] = ['film.part', 'film.mkv'].map((each) => `${server.folder}\\work\\${each}`) as [string, string]
    await writeFile(film, '')
    await truncate(film, 4098 * MIB)
    await mkdir(join(server.localFolder, 'work'), { recursive: true })
    await writeFile(join(server.localFolder, 'work', 'film.part'), '')
    await truncate(join(server.localFolder, 'work', 'film.part'), 4094 * MIB)
    await expect(host.putFile(film, name, { partialPath: part, offset: 4094 * MIB, isResumable: true })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      hint: expect.stringContaining('FAT32 holds no file of 4 GiB'),
    })
    expect((await stat(film)).size).toBe(4098 * MIB)

    await writeFile(film, 'short')
    const held = new AbortController()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const turn = {
      isMetered: true,
      pieceBytes: () => 65_536,
      take: async () => {
        begin()
        await new Promise((_, reject) => held.signal.addEventListener('abort', () => reject(held.signal.reason), { once: true }))
      },
      count: () => {},
      rest: () => {},
      stall: () => {},
      watch: () => ({ [Symbol.dispose]: () => {} }),
    }
    const putting = other.putFile(film, name, { partialPath: `${name}.held`, signal: held.signal, turn })
    putting.catch(() => undefined)
    await begun
    await expect(host.removeFiles([`${name}.held`])).rejects.toMatchObject({
      message: `Host "gaming" cannot remove "${name}.held": a program there holds it open`,
      hint: expect.stringContaining('Close what plays'),
    })
    held.abort(new Error('enough'))
    await expect(putting).rejects.toThrow('enough')
    await host.removeFiles([`${name}.held`, part])
    expect(await host.statFile(`${name}.held`)).toBeUndefined()
  })
})
