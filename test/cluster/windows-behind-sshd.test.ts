import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeOnWine } from '../host/windows/describe-on-wine.ts'
import { canStartWindowsSshd } from '../host/windows/windows-sshd.ts'
import { lacksWine } from '../host/windows/wine.ts'
import { describeFilm } from './bench.ts'
import { type EncodeRun, runEncode, startEncode } from './encode-program.ts'
import { openWindowsHouse, type WindowsHouse } from './windows-house.ts'

const lacks = lacksWine ?? (canStartWindowsSshd ? undefined : 'this is not root on Linux with sshd and namespaces')

/** What sshd makes of channels, windows and disconnects, where the emulated server of windows-hosts.test.ts has ideas of its own. */
describeOnWine(
  'encode on Windows behind a real sshd',
  (on) => {
    test('a streaming host without PowerShell encodes a file, and ends the next ones when the controller is interrupted, or killed', async () => {
      await using house = await openWindowsHouse({ wine: on.wine, isOnSshd: true, hasPowerShell: false })
      const { bench, config } = house
      await encodeFilm(house, `it's 100% "a" & b: c?`)

      const film = await bench.makeFilm('next.mp4', { seconds: 20 })
      const startNext = async (): Promise<EncodeRun> => {
        const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', film])
        await run.until('job.progress', ({ stage, size_bytes }) => stage === 'encode' && (size_bytes ?? 0) > 0)
        expect(await house.ffmpegs()).not.toEqual([])
        return run
      }
      const interrupted = await startNext()
      interrupted.child.kill('SIGINT')
      expect((await interrupted.ended).status).toBe(130)
      expect(await house.ffmpegs()).toEqual([])
      await house.expectNothingLeft()

      const killed = await startNext()
      killed.child.kill('SIGKILL')
      await killed.ended
      await house.expectNothingLeft()
      expect(house.server.commands.some((command) => command.includes(bench.films))).toBe(false)
    })

    test('a mounted host writes beside the source, whatever its name', async () => {
      await using house = await openWindowsHouse({ wine: on.wine, isOnSshd: true, hasPowerShell: true, isMounted: true })
      await encodeFilm(house, "it's 100% (a) & b^c! ü %PATH%")
    })
  },
  lacks,
)

/** All of a run with one film of that name. */
async function encodeFilm({ bench, config, expectNothingLeft }: WindowsHouse, name: string): Promise<void> {
  await bench.makeFilm(`${name}.mp4`)
  const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', bench.films])
  expect(ended.stderr).toBe('')
  expect(ended.status).toBe(0)
  expect(await describeFilm(join(bench.films, `${name}.mkv`))).toMatchObject({ codecs: 'h264 aac' })
  await expectNothingLeft()
}
