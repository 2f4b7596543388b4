import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeOnWine } from '../host/windows/describe-on-wine.ts'
import { startQuietClock } from '../quiet-clock.ts'
import { describeFilm } from './bench.ts'
import { runEncode, startEncode } from './encode-program.ts'
import { openWindowsHouse } from './windows-house.ts'

/** Windows is emulated: wine behind a server that does what Microsoft's does, and a stand-in for PowerShell. */
describeOnWine('encode on Windows hosts', (on) => {
  test.each([
    ['with PowerShell', { hasPowerShell: true }],
    ['without PowerShell', { hasPowerShell: false }],
  ])('a streaming host %s encodes a file, and on Ctrl-C ends the next one', async (_, options) => {
    await using house = await openWindowsHouse({ wine: on.wine, ...options })
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
    const quietMs = startQuietClock()
    run.child.kill('SIGINT')
    expect((await run.ended).status).toBe(130)
    expect(quietMs()).toBeLessThan(4000)
    await house.expectNothingLeft()
    expect(server.commands.some((command) => command.includes('next'))).toBe(false)
  })

  test('a mounted host writes beside the source, through a path substitution with backslashes', async () => {
    await using house = await openWindowsHouse({ wine: on.wine, hasPowerShell: true, isMounted: true })
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
    await using house = await openWindowsHouse({ wine: on.wine, hasPowerShell: true })
    const { bench, config } = house
    await bench.makeFilm('a.mp4', { seconds: 30 })
    const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
    run.child.kill('SIGKILL')
    await run.ended
    await house.expectNothingLeft()
  })
})
