import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeOnWine } from '../host/windows/describe-on-wine.ts'
import { startWindowsServer } from '../host/windows/windows-server.ts'
import { canStartWindowsSshd, startWindowsSshd } from '../host/windows/windows-sshd.ts'
import { lacksWine } from '../host/windows/wine.ts'
import { waitUntil } from '../wait-until.ts'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { accessLines, runPlain, startEncode } from './encode-program.ts'
import { openWindowsHouse, windowsAccessLines } from './windows-house.ts'

const lacks = lacksWine ?? (canStartWindowsSshd ? undefined : 'this is not root on Linux with sshd and namespaces')

/** Both forms of the emulation, and both of what ends a command there. */
const KINDS = [
  { name: 'an emulated server, with PowerShell', isOnSshd: false, hasPowerShell: true },
  { name: 'a real sshd, without PowerShell', isOnSshd: true, hasPowerShell: false },
] as const

describeOnWine(
  'Windows hosts that fail',
  (on) => {
    test.concurrent.each(KINDS)(
      'are cut off: others do their jobs, and ffmpeg ends there by itself, on $name',
      async ({ isOnSshd, hasPowerShell }) => {
        await using linux = await createBench()
        const nas = await linux.startHost('nas', 'streaming')
        const patient = await writePatientFfmpeg(linux)
        const others = { nas: ['type: streaming', ...accessLines(nas), `ffmpeg: ${patient.path}`, 'prefetch: 0'] }
        await using house = await openWindowsHouse({ wine: on.wine, isOnSshd, hasPowerShell, others })
        const { bench, server, config } = house
        for (const name of ['a.mp4', 'b.mp4']) await bench.makeFilm(name, { seconds: 40, options: ['-r', '10'] })
        const run = startEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', '--strategy', 'round-robin', bench.films])
        using _ended = { [Symbol.dispose]: () => run.child.kill('SIGKILL') }
        await run.until('job.progress', ({ host, stage, size_bytes }) => host === 'gaming' && stage === 'encode' && (size_bytes ?? 0) > 0)
        expect(await house.ffmpegs()).not.toEqual([])
        server.cutNetwork()
        const cutMs = performance.now()
        const endedMs = waitUntil(async () => (await house.ffmpegs()).length === 0, { what: 'ffmpeg is gone', timeoutMs: 90_000 }).then(
          () => performance.now() - cutMs,
        )
        endedMs.catch(() => undefined)
        await patient.go()
        const { reason } = await run.until('host.down', ({ host }) => host === 'gaming')
        expect(reason).toMatch(/^The connection to "127\.0\.0\.1:\d+" was silent for 15 s\. Check the host and the network to it$/)
        expect((await run.ended).status).toBe(0)
        expect(await bench.list()).toEqual(['a.mkv', 'b.mkv'])
        for (const name of ['a.mkv', 'b.mkv']) expect(await describeFilm(join(bench.films, name))).toMatchObject({ codecs: 'h264 aac' })
        expect(await endedMs).toBeLessThan(32_000)
        // What watched over files without PowerShell waits on for the server to notice.
        await house.expectNothingLeft(hasPowerShell ? undefined : /^\S*(?:session|cmd)\.exe /)
      },
    )

    test('are not used, and a person reads why, without ffmpeg, as another system, and where PowerShell is the shell and runs nothing', async () => {
      await using sshd = await startWindowsSshd({ wine: on.wine })
      await using powershell = await startWindowsServer({ wine: on.wine, defaultShell: 'powershell' })
      await using house = await openWindowsHouse({
        wine: on.wine,
        hasPowerShell: false,
        lines: ['ffmpeg: C:\\nowhere\\ffmpeg.exe'],
        others: {
          office: ['type: streaming', ...windowsAccessLines(sshd), 'os: linux'],
          kiosk: ['type: streaming', ...windowsAccessLines(powershell)],
        },
      })
      const { bench, config } = house
      const film = await bench.makeFilm('a.mp4')
      const { status, stdout, stderr } = await runPlain(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', film])
      expect(stderr).toBe('')
      expect(status).toBe(3)
      const hostsDown = stdout.slice(stdout.indexOf('Hosts down'))
      expect(hostsDown).toContain(
        'gaming (home): Host "gaming" has no program "C:\\nowhere\\ffmpeg.exe". Correct "ffmpeg:" of host "gaming", or leave it out to have ffmpeg looked for\n',
      )
      expect(hostsDown).toContain(
        'office (home): Host "office" runs Windows, and is configured as "os: linux". Set "os: windows" for host "office", or leave "os" out\n',
      )
      expect(hostsDown).toContain(
        'kiosk (home): Host "kiosk" lets this user in but gives no shell: it said nothing. Give the user a login shell there, and its key no forced command\n',
      )
      expect(await bench.list()).toEqual(['a.mp4'])
      await house.expectNothingLeft()
    })
  },
  lacks,
)

/** One that keeps no time with its source (`-re`): it waits until it is told to, and hurries then. */
async function writePatientFfmpeg(bench: Bench): Promise<{ readonly path: string; go(): Promise<void> }> {
  const path = join(bench.folder, 'bin', 'ffmpeg')
  const told = join(bench.folder, 'bin', 'go')
  await mkdir(join(bench.folder, 'bin'))
  const script = `#!/bin/sh
for each; do
  shift
  if [ "$each" = -re ]; then until [ -e '${told}' ]; do sleep 0.1; done
  else set -- "$@" "$each"
  fi
done
exec ffmpeg "$@"
`
  await writeFile(path, script, { mode: 0o755 })
  return { path, go: async () => await writeFile(told, '') }
}
