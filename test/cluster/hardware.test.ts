/** Hosts whose ffmpeg is a script: it has or lacks encoders, and these work or fail, as the hardware of other machines does. */

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EncodeEvent, EventOf } from '../../src/model/events.ts'
import { type Bench, createBench, describeFilm } from './bench.ts'
import { accessLines, type EndedRun, runEncode, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** NVENC works when it is tried, and fails when a job wants it: the card is there, but not for this film. */
const FAILS_AT_JOBS = [
  'case "$*" in',
  '  *lavfi*h264_nvenc*) exit 0 ;;',
  "  *h264_nvenc*) echo '[h264_nvenc @ 0x1] Cannot load libcuda.so.1' >&2; exit 1 ;;",
  'esac',
]
/** A card for one film at a time. */
const ONE_SESSION = [
  'case "$*" in',
  '  *lavfi*h264_nvenc*) exit 0 ;;',
  '  *h264_nvenc*)',
  '    if ! mkdir "$0.session"; then echo "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10): (no details)" >&2; exit 1; fi',
  '    for word do shift; case $word in h264_nvenc) word=libx264 ;; p5) word=ultrafast ;; esac; set -- "$@" "$word"; done',
  '    /usr/bin/ffmpeg "$@"; status=$?; rmdir "$0.session"; exit $status ;;',
  'esac',
]
const LACKS_X265 = ['case "$*" in *-encoders*) /usr/bin/ffmpeg "$@" | sed "/ libx265 /d"; exit ;; esac']

describe.runIf(canStartHosts)('hosts with other hardware', () => {
  test('a hardware encoder that fails at start makes way for the next variant on the same host', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = await bench.makeFilm('a.mp4')
    const ffmpeg = await writeFfmpeg(bench, 'ffmpeg', FAILS_AT_JOBS)
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] }] })
    const call = ['-y', config, '-c', 'home', '-p', 'h264']

    const dry = await runEncode(bench.folder, [...call, '--dry-run', film])
    expect(of(dry, 'job.planned')[0]?.arguments).toContain('h264_nvenc')
    await expect(stat(join(bench.folder, 'state'))).rejects.toThrow('ENOENT')

    const ended = await runEncode(bench.folder, [...call, film])
    expect(ended.status).toBe(0)
    expect(of(ended, 'job.retry')).toMatchObject([{ host: 'box', reason: 'h264_nvenc did not start: Cannot load libcuda.so.1' }])
    expect(of(ended, 'job.started').map(({ host, attempt }) => [host, attempt])).toEqual([
      ['box', 1],
      ['box', 2],
    ])
    expect(of(ended, 'job.done')).toMatchObject([{ host: 'box' }])
    expect((await describeFilm(join(bench.films, 'a.mkv'))).codecs).toBe('h264 aac')

    const calls = await readFile(`${ffmpeg}.calls`, 'utf8')
    const again = await runEncode(bench.folder, [...call, '--dry-run', join(bench.films, 'a.mkv')])
    expect(of(again, 'job.planned')).toHaveLength(1)
    const more = (await readFile(`${ffmpeg}.calls`, 'utf8')).slice(calls.length)
    expect(more, 'what was tried is remembered').not.toContain('lavfi')
    await bench.expectNothingLeft()
  })

  test('jobs go to hosts that have their encoder and labels; what none can do is said before anything starts', async () => {
    await using bench = await createBench()
    const lacks = await bench.startHost('lacks', 'streaming')
    const has = await bench.startHost('has', 'streaming')
    for (const name of ['a.mp4', 'b.mp4']) await bench.makeFilm(name)
    const ffmpeg = await writeFfmpeg(bench, 'ffmpeg', LACKS_X265)
    const config = await writeConfig(
      bench.folder,
      {
        home: [
          { host: lacks, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`, 'queues: {_default: 2}', 'labels: [quiet]'] },
          { host: has, type: 'streaming', lines: ['queues: auto', 'max_jobs: 1'] },
        ],
      },
      [
        '  small: {output_options_video: ["-c:v libx265", "-preset ultrafast", "-crf 40"], extension: .mkv}',
        '  impossible: {include: small, require: [linux, quiet]}',
      ],
    )
    const call = ['-y', config, '-c', 'home']
    const refused = await runEncode(bench.folder, [...call, '-p', 'impossible', join(bench.films, 'a.mp4')])
    expect(refused.status).toBe(1)
    expect(of(refused, 'job.started')).toEqual([])
    expect(of(refused, 'job.failed')[0]?.reason).toMatch(
      /^No host of cluster "home" can do it: "lacks" has no encoder "libx265" \(ffmpeg .*\); "has" lacks the label "quiet"$/,
    )
    const ended = await runEncode(bench.folder, [...call, '-p', 'small', bench.films])
    expect(ended.status).toBe(0)
    expect(of(ended, 'job.done').map(({ host }) => host)).toEqual(['has', 'has'])
    await bench.expectNothingLeft()
  })

  test('a card without a free session lowers its queue with a warning, and no job fails', async () => {
    await using bench = await createBench()
    const gamer = await bench.startHost('gamer', 'streaming')
    for (const name of ['a.mp4', 'b.mp4', 'c.mp4']) await bench.makeFilm(name)
    const ffmpeg = await writeFfmpeg(bench, 'ffmpeg', ONE_SESSION)
    const config = await writeConfig(
      bench.folder,
      { home: [{ host: gamer, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`, 'queues: {cuda: 3}'] }] },
      ['  card: {include: h264_nvenc, variants: [], input_options: ["-re"]}'],
    )
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'card', bench.films])
    expect(of(ended, 'job.failed')).toEqual([])
    expect(of(ended, 'job.done')).toHaveLength(3)
    expect(of(ended, 'job.retry')).toHaveLength(2)
    expect(of(ended, 'warning').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Host "gamer" gets 2 slots in queue "cuda" for the rest of this run: h264_nvenc got no session: OpenEncode/),
      expect.stringMatching(/^Host "gamer" gets 1 slot in queue "cuda"/),
    ])
    await bench.expectNothingLeft()
  })

  test('twenty hosts are tried side by side', async () => {
    await using bench = await createBench()
    const box = await bench.startHost('box', 'streaming')
    const film = await bench.makeFilm('a.mp4')
    const names = Array.from({ length: 20 }, (_, index) => `host-${index + 1}`)
    const barrier = join(bench.folder, 'barrier')
    await mkdir(barrier)
    // A trial goes on only when one is under way on each host: one after the other they would wait for ever.
    const meet = [
      'case "$*" in *lavfi*)',
      `  touch "${barrier}/\${0##*/}"; tries=0`,
      `  until [ "$(ls "${barrier}" | wc -l)" -ge ${names.length} ]; do tries=$((tries + 1)); [ $tries -lt 200 ] || exit 1; sleep 0.1; done`,
      'esac',
    ]
    const hosts = await Promise.all(
      names.map(async (name) => {
        const lines = [`ffmpeg: ${await writeFfmpeg(bench, name, meet)}`, 'type: streaming', ...accessLines(box)]
        return [`      ${name}:`, ...lines.map((line) => `        ${line}`)].join('\n')
      }),
    )
    const config = await writeConfig(bench.folder, {}, [
      '  one: {output_options_video: ["-c:v libx264"], extension: .mkv, require: [libx264]}',
    ])
    const text = await readFile(config, 'utf8')
    await writeFile(config, text.replace('  clusters:\n', `  clusters:\n    home:\n${hosts.join('\n')}\n`))
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'one', '--dry-run', film])
    expect(ended.status, ended.stderr + ended.stdout.slice(-2000)).toBe(0)
    expect(of(ended, 'host.up')).toHaveLength(names.length)
    expect(of(ended, 'job.planned')).toMatchObject([{ host: 'host-1' }])
    await bench.expectNothingLeft()
  })
})

/** An ffmpeg on a host: the lines, then the real one. Its calls stand in a file beside it. */
async function writeFfmpeg(bench: Bench, name: string, lines: readonly string[]): Promise<string> {
  const path = join(bench.folder, 'bin', name)
  await mkdir(join(bench.folder, 'bin'), { recursive: true })
  await writeFile(path, ['#!/bin/sh', 'echo "$*" >>"$0.calls"', ...lines, 'exec /usr/bin/ffmpeg "$@"', ''].join('\n'))
  await chmod(path, 0o755)
  return path
}

function of<Name extends EncodeEvent['event']>(ended: EndedRun, name: Name): readonly EventOf<Name>[] {
  return ended.events.filter((event): event is EventOf<Name> => event.event === name)
}
