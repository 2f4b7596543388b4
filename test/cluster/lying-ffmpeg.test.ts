import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EventOf } from '../../src/model/events.ts'
import { createBench } from './bench.ts'
import { runEncode, runPlain, writeConfig } from './encode-program.ts'
import { canStartHosts } from './sshd-host.ts'

/** What an ffmpeg that ends with status 0 may have done to its result `$out`; each is the real encode, spoilt afterwards. */
const LIES: readonly (readonly [name: string, spoil: string, reason: RegExp])[] = [
  ['leaves 22 bytes', 'printf 0123456789012345678901 >"$out"', /ffprobe cannot read it/],
  ['leaves nothing', 'rm "$out"', /left no result/],
  ['leaves an empty file', ': >"$out"', /empty/],
  [
    'leaves a playlist of its source',
    'printf "#EXTM3U\\n#EXT-X-TARGETDURATION:6\\n#EXTINF:6,\\na.mkv\\n#EXT-X-ENDLIST\\n" >"$out"',
    /ffprobe cannot read it/,
  ],
  ['leaves the first half', 'half "$out"', /long, not|header promises|last packets/],
  ['drops the sound', 'again -an', /0 of 1 audio stream/],
  ['drops the picture', 'again -vn', /0 of 1 video stream/],
  ['encodes another length', 'again -t 1', /long, not/],
]

describe.runIf(canStartHosts)('an ffmpeg that says it went well, and', () => {
  test.each(LIES)('%s, is not believed: the source stays and the reason is told', async (_, spoil, reason) => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mkv', { seconds: 6 })
    const before = await readFile(film)
    const box = await bench.startHost('box', 'streaming')
    const ffmpeg = await writeWrapper(bench.folder, spoil)
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] }] })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', film])
    expect(ended.status).toBe(1)
    const failure = ended.events.find((event): event is EventOf<'job.failed'> => event.event === 'job.failed')
    expect(failure?.reason).toMatch(reason)
    expect(await readFile(film)).toEqual(before)
    expect(await bench.list()).toEqual(['a.mkv'])
    await bench.expectNothingLeft()
  })

  test('breaks a picture in the middle, is not believed by --verify full: the host decodes all of it before it is brought back', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mkv', { seconds: 6 })
    const before = await readFile(film)
    const box = await bench.startHost('box', 'streaming')
    // Zeros over two hundred bytes in the middle of the result; what is only decoded has none.
    const zeros = 'dd if=/dev/zero of="$out" bs=1 count=200 seek=$(($(wc -c <"$out") / 2)) conv=notrunc 2>/dev/null'
    const ffmpeg = await writeWrapper(bench.folder, `[ "$out" = - ] || ${zeros}`)
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] }] })
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'quick', '--verify', 'full', film])
    expect(ended.status).toBe(1)
    const failure = ended.events.find((event): event is EventOf<'job.failed'> => event.event === 'job.failed')
    expect(failure?.reason).toMatch(/not whole: it does not decode without errors/)
    expect(ended.events.flatMap((event) => (event.event === 'job.stage' ? [event.stage] : [])).at(-1)).toBe('verify')
    expect(ended.events.some((event) => event.event === 'job.stage' && event.stage === 'return')).toBe(false)
    expect(await readFile(film)).toEqual(before)
    await bench.expectNothingLeft()
  })

  test('meets a full disk at the very end, is not believed, however quiet the profile', async () => {
    await using bench = await createBench()
    const film = await bench.makeFilm('a.mkv', { seconds: 6 })
    const before = await readFile(film)
    // Room for the source and a result of its size, as a profile that nobody has used is expected to make it, and not for all of this
    // one: with its sound unpacked, it becomes a third larger.
    const box = await bench.startHost('box', 'streaming', { workDiskBytes: Math.ceil((before.length * 2.25) / 4096) * 4096 })
    const config = await writeConfig(bench.folder, { home: [{ host: box, type: 'streaming', lines: ['min_free: 0'] }] }, [
      '  silent: {input_options: ["-loglevel quiet"], output_options: ["-c:v copy", "-c:a pcm_s16le", "-ac 2"], extension: .mkv}',
    ])
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'silent', film])
    expect(ended.status).toBe(1)
    const failure = ended.events.find((event): event is EventOf<'job.failed'> => event.event === 'job.failed')
    expect(failure?.reason).toMatch(/No space left|full/i)
    expect(await readFile(film)).toEqual(before)
    await bench.expectNothingLeft()
  })

  test('a host whose ffmpeg fails is not the file’s fault: another host does it, and history tells both', async () => {
    await using bench = await createBench()
    const names = ['a.mkv', 'b.mkv', 'c.mkv']
    for (const name of names) await bench.makeFilm(name, { seconds: 2 })
    const [bad, good] = [await bench.startHost('bad', 'streaming'), await bench.startHost('good', 'streaming')]
    const ffmpeg = await writeWrapper(bench.folder, 'echo "Error while opening encoder" >&2; exit 1')
    const config = await writeConfig(bench.folder, {
      home: [
        { host: bad, type: 'streaming', lines: [`ffmpeg: ${ffmpeg}`] },
        { host: good, type: 'streaming' },
      ],
    })
    // As long as the films: the second host is up before the first one has done them all.
    const ended = await runEncode(bench.folder, ['-y', config, '-c', 'home', '-p', 'slow', bench.films])
    expect(ended.status).toBe(0)
    const retries = ended.events.flatMap((event) => (event.event === 'job.retry' ? [event.host] : []))
    expect(new Set(retries)).toEqual(new Set(['bad']))
    const runs = await runPlain(bench.folder, ['history'])
    expect(runs.stdout).toMatch(/exit 0 .*3 done, 0 skipped, 0 failed/)
    const jobs = await runPlain(bench.folder, ['history', 'last'])
    for (const name of names) expect(jobs.stdout).toMatch(new RegExp(`done +${join(bench.films, name)} .* on good`))
    await bench.expectNothingLeft()
  })
})

/** An ffmpeg that does what it is asked, then spoils the result (its last argument) if it was a real encode. */
async function writeWrapper(folder: string, spoil: string): Promise<string> {
  const path = join(folder, 'ffmpeg')
  const lines = [
    '#!/bin/sh',
    'for out; do :; done',
    'ffmpeg "$@" || exit',
    'case " $* " in *" lavfi "*) exit 0 ;; *" -progress "*) ;; *) exit 0 ;; esac',
    'half() { size=$(wc -c <"$1"); head -c $((size / 2)) "$1" >"$1.half" && mv "$1.half" "$1"; }',
    'again() { ffmpeg -nostdin -loglevel error -y -i "$out" -c copy "$@" "$out.again.mkv" && mv "$out.again.mkv" "$out"; }',
    spoil,
  ]
  await writeFile(path, `${lines.join('\n')}\n`)
  await chmod(path, 0o755)
  return path
}
