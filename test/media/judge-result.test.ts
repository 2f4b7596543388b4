/** Real files of each container, whole and spoilt, judged as the job stage does it. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectResult, withMeasuredEnd } from '../../src/media/expect-result.ts'
import { judgeResult } from '../../src/media/judge-result.ts'
import { allPacketsArguments, lastPacketArguments, parseLastPackets } from '../../src/media/last-packets.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments } from '../../src/media/probe-arguments.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import type { EncodeArguments } from '../../src/model/plan.ts'

const run = promisify(execFile)
const COPY: EncodeArguments = { input: [], output: ['-map', '0', '-c', 'copy'] }
const AUDIO_COPY: EncodeArguments = { input: [], output: ['-vn', '-c:a', 'copy'] }

let folder: string
/** 40 s of video and audio. */
let source: string
let sourceInfo: MediaInfo

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-judge-'))
  source = join(folder, 'source.mp4')
  await ffmpeg(
    ...['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=10', '-f', 'lavfi', '-i', 'sine=f=440', '-t', '40'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-bf', '2', '-c:a', 'aac', '-b:a', '64k', source],
  )
  sourceInfo = await probe(source)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function ffmpeg(...args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args])
}

async function ffprobe(args: readonly string[]): Promise<string> {
  const { stdout } = await run('ffprobe', [...args], { maxBuffer: 64 * 1024 * 1024 }).catch((error: { stdout: string }) => error)
  return stdout
}

async function probe(path: string): Promise<MediaInfo> {
  const { size, mtimeMs } = await stat(path)
  return parseProbe(await ffprobe(probeArguments(path)), { path, sizeBytes: size, mtimeMs })
}

async function readEnd(path: string, info: MediaInfo): Promise<number | undefined> {
  const near = parseLastPackets(await ffprobe(lastPacketArguments(path, info)))
  const ends = near === undefined ? await Promise.all(allPacketsArguments(path, info).map(ffprobe)) : []
  return near ?? ends.map(parseLastPackets).findLast((end) => end !== undefined)
}

/** As the job stage does it. */
async function judge(sourcePath: string, resultPath: string, args: EncodeArguments, sizeBytes?: number): Promise<readonly string[]> {
  const info = sourcePath === source ? sourceInfo : await probe(sourcePath)
  const result = await probe(resultPath).catch(() => undefined)
  const lastPacketSeconds = result === undefined ? undefined : await readEnd(resultPath, result)
  const expectedSizeBytes = sizeBytes ?? (await stat(resultPath)).size
  const judgeAgainst = (believed: MediaInfo) =>
    judgeResult({ expectation: expectResult(believed, args, extname(resultPath)), result, lastPacketSeconds, expectedSizeBytes })
  const reasons = judgeAgainst(info)
  if (reasons.length === 0 && info.durationSeconds > 0) return []
  const sourceEnd = await readEnd(sourcePath, info)
  return sourceEnd === undefined ? reasons : judgeAgainst(withMeasuredEnd(info, sourceEnd))
}

async function make(name: string, args: readonly string[], from = source): Promise<string> {
  const path = join(folder, name)
  await ffmpeg('-i', from, ...args, path)
  return path
}

async function cutInHalf(path: string): Promise<string> {
  const half = join(folder, `half.${path.slice(folder.length + 1)}`)
  await copyFile(path, half)
  await truncate(half, Math.floor((await stat(path)).size / 2))
  return half
}

const REENCODED = ['-map', '0', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'copy'] as const

const VIDEO_FORMS: readonly (readonly [string, readonly string[]])[] = [
  ['copied.mkv', ['-map', '0', '-c', 'copy']],
  ['encoded.mkv', REENCODED],
  ['late-index.mp4', ['-map', '0', '-c', 'copy']],
  ['early-index.mp4', ['-map', '0', '-c', 'copy', '-movflags', '+faststart']],
  ['fragmented.mp4', ['-map', '0', '-c', 'copy', '-movflags', '+frag_keyframe+empty_moov']],
  ['encoded.mov', REENCODED],
  [
    'encoded.webm',
    ['-map', '0', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '200k', '-c:a', 'libopus', '-b:a', '48k'],
  ],
  ['copied.ts', ['-map', '0', '-c', 'copy']],
  ['offset.ts', ['-map', '0', '-c', 'copy', '-output_ts_offset', '5000']],
  ['copied.avi', ['-map', '0', '-c:v', 'mpeg4', '-c:a', 'libmp3lame']],
  ['copied.flv', ['-map', '0', '-c', 'copy']],
]

const AUDIO_FORMS: readonly (readonly [string, readonly string[]])[] = [
  ['a.mp3', ['-vn', '-c:a', 'libmp3lame']],
  ['a.flac', ['-vn', '-c:a', 'flac']],
  ['a.opus', ['-vn', '-c:a', 'libopus']],
  ['a.ogg', ['-vn', '-c:a', 'libvorbis']],
  ['a.m4a', ['-vn', '-c:a', 'copy']],
  ['a.mka', ['-vn', '-c:a', 'copy']],
  ['a.aac', ['-vn', '-c:a', 'copy']],
  ['a.wav', ['-vn', '-c:a', 'pcm_s16le']],
]

describe.each([...VIDEO_FORMS, ...AUDIO_FORMS])('%s', (name, args) => {
  const wanted = args.includes('-vn') ? AUDIO_COPY : COPY

  test('is whole as ffmpeg made it, and refused when it is cut in half', async () => {
    const path = await make(name, args)
    expect(await judge(source, path, wanted)).toEqual([])
    expect(await judge(source, await cutInHalf(path), wanted)).not.toEqual([])
  })
})

describe('a result is refused', () => {
  test('when a Matroska header promises more than the file holds', async () => {
    const half = await cutInHalf(await make('promise.mkv', ['-map', '0', '-c', 'copy']))
    expect((await probe(half)).durationSeconds).toBeGreaterThan(39)
    expect(await judge(source, half, COPY)).toEqual([
      expect.stringMatching(/^its data ends at \d+\.\d+ s, but its header promises 40\.\d+ s$/),
    ])
  })

  test('when it is empty', async () => {
    const path = join(folder, 'empty.mkv')
    await writeFile(path, '')
    expect(await judge(source, path, COPY)).toEqual(['it is empty'])
  })

  test('when it is 22 bytes', async () => {
    const path = join(folder, 'tiny.mp4')
    await writeFile(path, (await readFile(source)).subarray(0, 22))
    expect(await judge(source, path, COPY)).toEqual(['ffprobe cannot read it'])
  })

  test('when not all bytes have arrived', async () => {
    const path = await make('size.mkv', ['-map', '0', '-c', 'copy'])
    const { size } = await stat(path)
    expect(await judge(source, path, COPY, size + 1)).toEqual([`it has ${size} bytes of the ${size + 1} bytes that were written`])
  })

  test('when a stream is missing', async () => {
    expect(await judge(source, await make('mute.mkv', ['-an', '-c', 'copy']), COPY)).toContain('it has 0 of 1 audio stream')
    expect(await judge(source, await make('blind.mkv', ['-vn', '-c', 'copy']), COPY)).toContain('it has 0 of 1 video stream')
  })

  test('when it is shorter or longer than its source', async () => {
    expect(await judge(source, await make('short.mkv', ['-t', '39', '-c', 'copy']), COPY)).toEqual([
      expect.stringMatching(/^it is 39\.\d\d s long, not 40\.\d\d s$/),
    ])
    const long = join(folder, 'long.mkv')
    await ffmpeg('-stream_loop', '1', '-i', source, '-map', '0', '-c', 'copy', long)
    expect(await judge(source, long, COPY)).toEqual([expect.stringMatching(/^it is 80\.\d\d s long, not 40\.\d\d s$/)])
  })

  test('when it is text', async () => {
    const path = join(folder, 'text.mkv')
    await writeFile(path, 'Conversion failed!\n'.repeat(100))
    expect(await judge(source, path, COPY)).toEqual(['ffprobe cannot read it'])
  })
})

describe('a source that lies', () => {
  test.each([
    ['a Matroska file cut in half', 'lie.mkv', []],
    ['a faststart MP4 cut in half', 'lie.mp4', ['-movflags', '+faststart']],
    ['a FLAC file cut in half', 'lie.flac', ['-vn', '-c:a', 'flac']],
  ])('about its length (%s) does not make its whole result fail', async (_, name, args) => {
    const broken = await cutInHalf(await make(name, [...(args.includes('-vn') ? [] : ['-map', '0', '-c', 'copy']), ...args]))
    expect((await probe(broken)).durationSeconds).toBeGreaterThan(39)
    const output = name.endsWith('.flac')
      ? ['-vn', '-c:a', 'flac']
      : ['-map', '0', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac']
    const result = await make(`of-${name.replace('.mp4', '.mkv')}`, output, broken)
    expect((await probe(result)).durationSeconds).toBeLessThan(25)
    expect(await judge(broken, result, { input: [], output })).toEqual([])
    expect(await judge(broken, await cutInHalf(result), { input: [], output })).not.toEqual([])
  })

  test('or does not know its length has it measured', async () => {
    const piped = join(folder, 'piped.mkv')
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', source, '-c', 'copy', '-f', 'matroska', '-'], {
      encoding: 'buffer',
      maxBuffer: 64 * 1024 * 1024,
    })
    await writeFile(piped, stdout)
    expect((await probe(piped)).durationSeconds).toBe(0)
    const whole = await make('of-piped.mkv', ['-map', '0', '-c', 'copy'], piped)
    expect(await judge(piped, whole, COPY)).toEqual([])
    expect(await judge(piped, await make('short-of-piped.mkv', ['-t', '20', '-c', 'copy'], piped), COPY)).toEqual([
      expect.stringMatching(/^it is 20\.\d\d s long, not 40\.\d\d s$/),
    ])
  })

  test('or begins late is as long as what it holds', async () => {
    for (const name of ['late.mkv', 'late.mp4', 'late.ts']) {
      const late = await make(name, ['-map', '0', '-c', 'copy', '-output_ts_offset', '100'])
      expect((await probe(late)).durationSeconds).toBeCloseTo(40, 0)
      expect(await readEnd(late, await probe(late))).toBeCloseTo(40, 0)
      expect(await judge(late, await make(`of-${name}.mkv`, ['-map', '0', '-c', 'copy'], late), COPY)).toEqual([])
    }
  })
})

test('a subtitle that outlasts the film is no missing packet', async () => {
  const subtitles = join(folder, 'long.srt')
  await writeFile(subtitles, '1\n00:00:01,000 --> 00:00:55,000\nStill here\n')
  const path = join(folder, 'subtitled.mkv')
  await ffmpeg('-i', source, '-i', subtitles, '-map', '0', '-map', '1', '-c', 'copy', path)
  const copy = await make('subtitled-copy.mkv', ['-map', '0', '-c', 'copy'], path)
  expect(await judge(path, copy, COPY)).toEqual([])
  expect(
    await judge(path, await make('unsubtitled.mkv', ['-map', '0', '-sn', '-c', 'copy'], path), { input: [], output: ['-map', '0', '-sn'] }),
  ).toEqual([])
  expect(await judge(path, await make('lost.mkv', ['-map', '0', '-sn', '-c', 'copy'], path), COPY)).toContain(
    'it has 0 of 1 subtitle stream',
  )
})

test('a name like an option or a protocol is a name', async () => {
  for (const name of ['-i.mkv', 'http:x.mkv', "a 'b' $(c) %d.mkv"]) {
    const path = join(folder, name)
    await copyFile(source, path)
    const info = await probe(path)
    const inFolder = { cwd: folder, maxBuffer: 64 * 1024 * 1024 }
    expect(parseProbe((await run('ffprobe', [...probeArguments(name)], inFolder)).stdout, info).durationSeconds).toBe(info.durationSeconds)
    expect(parseLastPackets((await run('ffprobe', [...lastPacketArguments(name, info)], inFolder)).stdout)).toBeCloseTo(40, 0)
  }
})
