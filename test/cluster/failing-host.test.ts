import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { createBench } from './bench.ts'
import { runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

describe.runIf(canStartHosts)('a host on which every job fails', () => {
  test('is tried with a few of twelve films, set aside, and the other host does them all', async () => {
    await using bench = await createBench()
    const names = Array.from({ length: 12 }, (_, index) => `${index}.mp4`)
    for (const name of names) await bench.makeFilm(name, { seconds: 1 })
    const [bad, good] = [await bench.startHost('bad', 'streaming'), await bench.startHost('good', 'streaming')]
    const ffmpeg = await writeFfmpeg(bench.folder, 'echo "Cannot load libx264.so" >&2; exit 1')
    const config = await writeConfig(bench.folder, {
      home: [
        { host: bad, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] },
        { host: good, type: 'streaming', lines: ['queues: {_default: 2}'] },
      ],
    })
    // As long as the films, so that both hosts are there while there is work.
    const { status, events } = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    expect(status).toBe(0)
    expect(of(events, 'run.finished')).toMatchObject([{ done: 12, failed: 0 }])
    const tries = of(events, 'job.started').filter(({ host }) => host === 'bad')
    // One more where the run takes longer than the minute for which it is set aside.
    expect([3, 4]).toContain(tries.length)
    expect(of(events, 'host.down')[0]).toMatchObject({
      host: 'bad',
      reason: expect.stringMatching(
        /^Set aside for 1m 00s: 3 jobs in a row failed there that other hosts did; the last reason: .*libx264\.so/,
      ),
    })
    expect((await bench.list()).every((name) => name.endsWith('.mkv'))).toBe(true)
    await bench.expectNothingLeft()
  })

  test('an encode that holds still is ended after stall_timeout and done by the other host', async () => {
    await using bench = await createBench()
    // One for each: the second host is up before the first one is through.
    for (const name of ['a.mp4', 'b.mp4']) await bench.makeFilm(name, { seconds: 4 })
    const [stuck, good] = [await bench.startHost('stuck', 'streaming'), await bench.startHost('good', 'streaming')]
    // Stops in the middle, as one does whose disk has gone: it is there, and does not move.
    const ffmpeg = await writeFfmpeg(bench.folder, 'ffmpeg "$@" & sleep 1.5; kill -STOP $!; wait $!')
    const config = await writeConfig(
      bench.folder,
      {
        home: [
          { host: stuck, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] },
          { host: good, type: 'streaming' },
        ],
      },
      ['  watched: {include: slow, stall_timeout: 2s}'],
    )
    const { status, events } = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'watched', bench.films])
    expect(status).toBe(0)
    expect(of(events, 'job.retry').map(({ host, reason }) => [host, reason])).toEqual([
      ['stuck', expect.stringMatching(/^ffmpeg made no progress for 2s: it stands at \ds of 4s, picture \d+/)],
    ])
    expect(of(events, 'job.done').map(({ host }) => host)).toEqual(['good', 'good'])
    await bench.expectNothingLeft()
  })
})

/** An ffmpeg that does something else where it is asked to encode a file; trials of encoders, of which no file is part, go well. */
async function writeFfmpeg(folder: string, instead: string): Promise<string> {
  const path = join(folder, 'ffmpeg')
  await writeFile(
    path,
    `#!/bin/sh\ncase " $* " in *" lavfi "*) exec ffmpeg "$@" ;; *" -progress "*) ${instead} ;; *) exec ffmpeg "$@" ;; esac\n`,
  )
  await chmod(path, 0o755)
  return path
}

function of<Name extends EncodeEvent['event']>(events: readonly EncodeEvent[], name: Name): readonly EventOf<Name>[] {
  return events.filter((event): event is EventOf<Name> => event.event === name)
}
