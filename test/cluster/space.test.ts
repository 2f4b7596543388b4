import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { createBench } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

const run = promisify(execFile)

describe.runIf(canStartHosts)('disks that are too small', () => {
  test('for two jobs at a time get one after the other; for any, none: no disk fills up, and all is done', async () => {
    await using bench = await createBench()
    const names = ['a.mp4', 'b.mp4', 'c.mp4']
    for (const name of names) await bench.makeFilm(name)
    const filmBytes = (await stat(join(bench.films, 'a.mp4'))).size
    // Of a profile that nobody has used, a result may become as large as its source.
    const [tiny, small] = await Promise.all([
      bench.startHost('tiny', 'streaming', { workDiskBytes: toPages(filmBytes * 0.9) }),
      bench.startHost('small', 'streaming', { workDiskBytes: toPages(filmBytes * 2.5) }),
    ])
    const config = await writeConfig(bench.folder, {
      home: [
        { host: tiny, type: 'streaming', lines: ['min_free: 0'] },
        { host: small, type: 'streaming', lines: ['min_free: 0', 'queues: {_default: 2}'] },
      ],
    })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    expect(ended.status).toBe(0)
    expect(of(ended.events, 'job.started').map(({ host }) => host)).toEqual(['small', 'small', 'small'])
    expect(of(ended.events, 'job.retry')).toEqual([])
    const steps = ended.events.filter(({ event }) => event === 'job.started' || event === 'job.done').map(({ event }) => event)
    expect(steps.slice(0, 2)).toEqual(['job.started', 'job.done'])
    expect(of(ended.events, 'warning').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Host "tiny" has .* waits for room$/),
    )
    await bench.expectNothingLeft()
  })

  test('for the only job, on the only host or where its result shall stand, fail it before a byte was sent', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const before = await readFile(film)
    const tiny = await bench.startHost('tiny', 'streaming', { workDiskBytes: toPages(before.length * 1.5) })
    const large = await bench.startHost('large', 'streaming')
    const config = await writeConfig(bench.folder, {
      cramped: [{ host: tiny, type: 'streaming', lines: ['min_free: 0'] }],
      roomy: [{ host: large, type: 'streaming', lines: ['min_free: 0'] }],
    })
    await writeFile(config, (await readFile(config, 'utf8')).replace('config:\n', 'config:\n  min_free: 0\n'))
    await using disk = await mountDisk(join(bench.folder, 'out'), toPages(before.length / 2))

    for (const [args, reason] of [
      [['-c', 'cramped'], new RegExp(`^There is no room for it: Host "tiny" has .* free in "${tiny.workingFolder}"; .* are needed there$`)],
      [
        ['-c', 'roomy', '-o', disk.folder],
        new RegExp(`^There is no room for it: The disk of "${disk.folder}" has .* free; .* are needed there$`),
      ],
    ] as const) {
      const dry = await runEncode(bench.folder, ['-y', config, ...args, '-p', 'quick', '--dry-run', film])
      expect(of(dry.events, 'warning').map(({ message }) => message)).toEqual([expect.stringMatching(/^There is no room for ".*" now: /)])
      const ended = await runEncode(bench.folder, ['-y', config, ...args, '-p', 'quick', film])
      expect(ended.status).toBe(1)
      expect(of(ended.events, 'job.failed').map((failure) => failure.reason)).toEqual([expect.stringMatching(reason)])
      expect(of(ended.events, 'job.started')).toEqual([])
    }
    expect(await readFile(film)).toEqual(before)
    await bench.expectNothingLeft()
  })

  test('for what a result turned out to be are emptied again, and no second attempt is made in vain', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mp4')
    const before = await readFile(film)
    const box = await bench.startHost('box', 'streaming')
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming' }] }, [
      '  unpacked: {output_options: ["-c:v rawvideo", "-c:a aac"], extension: .mkv}',
    ])
    await writeFile(config, (await readFile(config, 'utf8')).replace('config:\n', 'config:\n  min_free: 0\n'))
    // Room for a result as large as its source, and for no one that is several times as large.
    await using disk = await mountDisk(join(bench.folder, 'out'), toPages(before.length * 1.2))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-o', disk.folder, '-p', 'unpacked', film])
    expect(ended.status).toBe(1)
    expect(of(ended.events, 'job.retry').map((retry) => retry.reason)).toEqual([expect.stringContaining(`"${disk.folder}" has room for`)])
    expect(of(ended.events, 'job.failed').map((failure) => failure.reason)).toEqual([
      expect.stringContaining('There is no room for it: The disk of'),
    ])
    expect(await readdir(disk.folder)).toEqual([])
    expect(await readFile(film)).toEqual(before)
    await bench.expectNothingLeft()
  })
})

function of<Name extends EncodeEvent['event']>(events: readonly EncodeEvent[], name: Name): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name)
}

function toPages(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096
}

async function mountDisk(folder: string, sizeBytes: number): Promise<AsyncDisposable & { readonly folder: string }> {
  await mkdir(folder)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder])
  return {
    folder,
    async [Symbol.asyncDispose]() {
      await run('umount', [folder])
    },
  }
}
