import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { lacksWine, startWine, type Wine } from '../host/windows/wine.ts'
import { describeFilm } from './bench.ts'
import { runEncode, startEncode } from './encode-program.ts'
import { waitUntil } from './sshd-host.ts'
import { openWindowsHouse } from './windows-house.ts'

/** Windows is emulated: wine behind a server that does what Microsoft's does, and a stand-in for PowerShell. */
describe.runIf(lacksWine === undefined)(`encode on Windows hosts${lacksWine === undefined ? '' : ` (SKIPPED: ${lacksWine})`}`, () => {
  let wine: Wine
  beforeAll(async () => {
    wine = await startWine()
  }, 120_000)

  test.each([
    ['with PowerShell', { hasPowerShell: true }],
    ['without PowerShell', { hasPowerShell: false }],
  ])('a streaming host %s encodes a file, and on Ctrl-C ends the next one', async (_, options) => {
    await using house = await openWindowsHouse({ wine, ...options })
    const { bench, server, config } = house
    await bench.makeFilm(`it's 100% "a" & b: c?.mp4`)
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    expect(ended.events).toContainEqual(expect.objectContaining({ event: 'host.up', host: 'gaming', os: 'windows' }))
    const result = join(bench.films, `it's 100% "a" & b: c?.mkv`)
    expect(await describeFilm(result)).toMatchObject({ codecs: 'h264 aac' })

    await bench.makeFilm('next.mp4', { seconds: 20 })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', join(bench.films, 'next.mp4')])
    await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
    expect(await house.ffmpegs()).not.toEqual([])
    const begun = performance.now()
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    expect(performance.now() - begun).toBeLessThan(4000)
    await house.expectNothingLeft()
    expect(server.commands.some((command) => command.includes('next'))).toBe(false)
  })

  test('a mounted host writes beside the source, through a path substitution with backslashes', async () => {
    await using house = await openWindowsHouse({ wine, hasPowerShell: true, isMounted: true })
    const { bench, config } = house
    const name = "it's 100% (a) & b^c! ü %PATH%.mp4"
    await bench.makeFilm(name)
    await bench.makeFilm('a:b.mp4')
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
    expect(ended.status).toBe(1)
    expect(await describeFilm(join(bench.films, name.replace('.mp4', '.mkv')))).toMatchObject({ codecs: 'h264 aac' })
    const failed = ended.events.find(({ event }) => event === 'job.failed')
    expect(failed).toMatchObject({ reason: expect.stringContaining('runs Windows, which cannot hold "a:b.mp4": a name has no : there') })
    await house.expectNothingLeft()
  })

  test('what a killed controller left ends by itself: ffmpeg, and every file', async () => {
    await using house = await openWindowsHouse({ wine, hasPowerShell: true })
    const { bench, config } = house
    await bench.makeFilm('a.mp4', { seconds: 30 })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
    run.child.kill('SIGKILL')
    await run.ended
    await house.expectNothingLeft()
  })

  test('a cut network ends ffmpeg there within 30 s, with PowerShell and without, and leaves no file', { timeout: 120_000 }, async () => {
    await Promise.all(
      [true, false].map(async (hasPowerShell) => {
        await using house = await openWindowsHouse({ wine, hasPowerShell })
        const { bench, server, config } = house
        const film = await bench.makeFilm('a.mp4', { seconds: 60 })
        const before = await readFile(film)
        const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', film])
        await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
        expect(await house.ffmpegs()).not.toEqual([])
        server.cutNetwork()
        await run.until('host.down', ({ host }) => host === 'gaming')
        // wine's sessions are slow to start and to look.
        await waitUntil(async () => (await house.ffmpegs()).length === 0, { what: 'ffmpeg is gone', timeoutMs: 32_000 })
        run.child.kill('SIGINT')
        expect((await run.ended).status).toBe(130)
        // What watched without PowerShell has done its work, and ends with a session of whose cut the server knows nothing.
        await house.expectNothingLeft(hasPowerShell ? undefined : /^\S*(?:session|cmd)\.exe /)
        expect(await readFile(film)).toEqual(before)
      }),
    )
  })

  test.each([
    ['has no ffmpeg where it is said to be', 'ffmpeg: C:\\nowhere\\ffmpeg.exe', 'has no program'],
    ['is configured as another system', 'os: linux', 'is configured as "os: linux"'],
  ])('a host that %s does nothing, and that is said', async (_, line, reason) => {
    await using house = await openWindowsHouse({ wine, hasPowerShell: false, lines: [line] })
    const { bench, config } = house
    const film = await bench.makeFilm('a.mp4')
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', film])
    expect(ended.status).toBe(3)
    expect(ended.events).toContainEqual(expect.objectContaining({ event: 'host.down', reason: expect.stringContaining(reason) }))
    expect(await bench.list()).toEqual(['a.mp4'])
    await house.expectNothingLeft()
  })
})
