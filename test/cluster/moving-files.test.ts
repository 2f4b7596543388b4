/** The whole program moving files that are large, and files that may not go fast. */

import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createBench, describeFilm } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const MIB = 1024 * 1024
const UNCHANGED = ['  unchanged:', '    output_options: [-c copy]', '    extension: .nut', '    verify: off']

describe.runIf(canStartHosts)('files on their way', () => {
  test('of more than 64 MiB arrive whole, at the host and back, whoever moves them', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = join(bench.films, 'large.nut')
    const raw = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25:duration=2', '-c:v', 'rawvideo', '-pix_fmt', 'yuv420p']
    await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', ...raw, `file:${film}`])
    const { size } = await stat(film)
    expect(size).toBeGreaterThan(64 * MIB)
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }, UNCHANGED)
    const before = countLogins(box.log())
    const ended = await runEncode(bench.folder, ['-v', '-y', config, '-c', 'home', '-p', 'unchanged', '-k', film])
    expect(ended.status).toBe(0)
    expect(ended.events.filter(({ event }) => event === 'warning')).toEqual([])
    const stages = ended.events.flatMap((event) => (event.event === 'job.stage' ? [event.stage] : []))
    expect(stages).toEqual(expect.arrayContaining(['fetch', 'return']))
    // One for commands, two for files there and back; and where ssh2 kept this process busy, one of the system's client for each of the two.
    const logins = countLogins(box.log()) - before
    expect(logins).toBeGreaterThanOrEqual(3)
    expect(logins).toBeLessThanOrEqual(5)
    const result = join(bench.films, 'large.unchanged.nut')
    expect(await describeFilm(result)).toEqual(await describeFilm(film))
    await bench.expectNothingLeft()
  })

  test('keep to --rate-limit, which counts both ways', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = await bench.makeFilm('a.mkv', { seconds: 4, options: ['-crf', '1'] })
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }, UNCHANGED)
    const { size } = await stat(film)
    const seconds = 1.5
    const limit = Math.round((2 * size) / seconds / 1000)
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'unchanged', '-k', '--rate-limit', `${limit}k`, film])
    expect(ended.status).toBe(0)
    const timeOf = (name: string): number =>
      Date.parse(ended.events.find((event) => event.event === 'job.stage' && event.stage === name)?.time ?? '')
    const moving = timeOf('encode') - timeOf('fetch') + (timeOf('verify') - timeOf('return'))
    // Either way may begin with what a fifth of a second has let gather.
    expect(moving / 1000).toBeGreaterThan(seconds - 2 * 0.2 - 0.05)
    await bench.expectNothingLeft()
  })
})

function countLogins(log: string): number {
  return log.split('Accepted publickey').length - 1
}
