/** Real encodes, honest ones and lies, held against their source as a job does it, and a table that says which level catches what. */

import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { decodeOnHost } from '../../src/job/decode-on-host.ts'
import type { StageProgress } from '../../src/job/job-context.ts'
import { verify } from '../../src/job/verify.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import type { EncodeArguments, JobPlan, VerifyLevel } from '../../src/model/plan.ts'
import { createFfprobe } from '../../src/plan/ffprobe.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { type LocalHost, openLocalHost } from '../fixtures/local-host.ts'
import { blankOut, cutOff, noise, pad, spoilPackets } from '../fixtures/spoil-media.ts'

const run = promisify(execFile)
const ffprobe = createFfprobe('ffprobe')
const ENCODED: EncodeArguments = { input: [], output: ['-c:v', 'libx264', '-c:a', 'aac'] }
const SECONDS = 8
/** Two seconds a group of pictures: what is broken in the middle is not near an end. */
const GROUP = ['-g', '50']

const QUICK_CLOCK: Clock = { now: () => 0, sleep: async () => {} } as unknown as Clock

const probes = new Map<string, Promise<MediaInfo>>()

let folder: string
/** Eight seconds of picture and sound. */
let source: string
let local: LocalHost

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-verify-'))
  local = await openLocalHost()
  source = join(folder, 'source.mkv')
  await ffmpeg(
    ...['-f', 'lavfi', '-i', 'testsrc2=s=160x96:r=25', '-f', 'lavfi', '-i', 'sine=f=440', '-t', String(SECONDS)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', ...GROUP, '-bf', '2', '-c:a', 'aac', '-b:a', '64k', source],
  )
})

afterAll(async () => {
  await local[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function ffmpeg(...args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args])
}

interface Judged {
  readonly reason: string | undefined
  readonly warnings: readonly string[]
  readonly percents: readonly (number | null)[]
}

interface JudgeOptions {
  readonly of?: string
  readonly arguments?: EncodeArguments
  readonly sizeBytes?: number
}

/** As a job does it on a host that sees the media. */
async function judge(level: VerifyLevel, result: string, options: JudgeOptions = {}): Promise<Judged> {
  const path = options.of ?? source
  const warnings: string[] = []
  const percents: (number | null)[] = []
  const extension = extname(result)
  const plan: JobPlan = createPlan('1', path, {
    source: await probeOnce(path),
    arguments: options.arguments ?? ENCODED,
    profile: { name: 'any', kind: 'profile', extension, queue: '_default', threshold: 0, thresholdCheck: 100, verify: level },
  })
  const context = {
    plan,
    clock: QUICK_CLOCK,
    signal: new AbortController().signal,
    readMedia: ffprobe.read,
    host: local.host,
    facts: local.facts,
    onWarning: (message: string) => warnings.push(message),
    onProgress: (_: string, { percent }: StageProgress) => percents.push(percent),
  }
  try {
    if (level === 'full') await decodeOnHost(context, { hostSource: path, hostResult: result })
    await verify(context, result, options.sizeBytes ?? (await stat(result)).size)
    return { reason: undefined, warnings, percents }
  } catch (error) {
    expect(error).toMatchObject({ code: 'RESULT_NOT_WHOLE' })
    return { reason: (error as Error).message, warnings, percents }
  }
}

/** Made anew under a name of its own each time, so what was said of it once holds. */
function probeOnce(path: string): Promise<MediaInfo> {
  const known = probes.get(path) ?? ffprobe.probe(path)
  probes.set(path, known)
  return known
}

async function make(name: string, args: readonly string[], from = source): Promise<string> {
  const path = join(folder, name)
  await ffmpeg('-i', from, ...args, path)
  return path
}

const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', ...GROUP, '-bf', '2'] as const
const AAC = ['-c:a', 'aac', '-b:a', '64k'] as const
const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=50:bframes=3'] as const
const VP9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '100k', ...GROUP] as const
const SUBTITLES = '1\n00:00:01,000 --> 00:00:03,000\nHello\n'

const HONEST: readonly (readonly [name: string, args: readonly string[], encoder?: string])[] = [
  ['h264.mp4', [...X264, ...AAC]],
  ['h264-faststart.mp4', [...X264, ...AAC, '-movflags', '+faststart']],
  ['h264-fragmented.mp4', [...X264, ...AAC, '-movflags', '+frag_keyframe+empty_moov']],
  ['h264.mkv', [...X264, '-c:a', 'ac3']],
  ['h264.mov', [...X264, '-c:a', 'pcm_s16le']],
  ['h264.ts', [...X264, ...AAC]],
  // One group of pictures: no key frame near the end, to which a transport stream could be sought.
  ['h264-long-group.ts', ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '250', '-c:a', 'mp2']],
  ['h264-open-group.mkv', [...X264, '-x264-params', 'open-gop=1', '-c:a', 'eac3']],
  ['h264-interlaced.ts', [...X264, '-flags', '+ildct+ilme', ...AAC]],
  ['hevc.mkv', [...X265, '-c:a', 'libopus']],
  [
    'hevc-10-bit-hdr.mp4',
    [...X265, '-pix_fmt', 'yuv420p10le', '-color_trc', 'smpte2084', '-color_primaries', 'bt2020', '-tag:v', 'hvc1', ...AAC],
  ],
  ['av1.mkv', ['-c:v', 'libsvtav1', '-preset', '12', ...GROUP, '-c:a', 'libopus'], 'libsvtav1'],
  ['vp9.webm', [...VP9, '-c:a', 'libopus']],
  [
    'vp8-hidden-frames.webm',
    ['-c:v', 'libvpx', '-auto-alt-ref', '1', '-lag-in-frames', '16', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libvorbis'],
  ],
  ['mpeg4.avi', ['-c:v', 'mpeg4', '-bf', '2', '-c:a', 'libmp3lame']],
  ['mpeg2.mpg', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'mp2']],
  ['wmv.wmv', ['-c:v', 'wmv2', '-c:a', 'wmav2']],
  ['half-the-size.mkv', [...X264, '-vf', 'scale=80:-2', ...AAC]],
  ['mp3.mp3', ['-vn', '-c:a', 'libmp3lame']],
  ['flac.flac', ['-vn', '-c:a', 'flac']],
  ['opus.opus', ['-vn', '-c:a', 'libopus']],
  ['vorbis.ogg', ['-vn', '-c:a', 'libvorbis']],
  ['aac.m4a', ['-vn', ...AAC]],
  ['wav.wav', ['-vn', '-c:a', 'pcm_s16le']],
]

describe('an honest encode is believed by every level', () => {
  // `full` looks as `quick` does, and decodes all of it besides.
  test.each(HONEST.map(([name, args, encoder]) => ({ name, args, encoder })))('$name', async ({ name, args, encoder }) => {
    if (encoder !== undefined && !local.facts.encoders.includes(encoder)) return
    const result = await make(name, args)
    const { percents, ...judged } = await judge('full', result, { arguments: { input: [], output: args } })
    expect(judged).toEqual({ reason: undefined, warnings: [] })
    expect(percents.at(-1)).toBe(100)
  })

  test('with subtitles, one of which outlasts the film', async () => {
    const words = join(folder, 'words.srt')
    await writeFile(words, `${SUBTITLES}\n2\n00:00:06,000 --> 00:00:14,000\nStill here\n`)
    const film = join(folder, 'subtitled.mkv')
    await ffmpeg('-i', source, '-i', words, '-map', '0', '-map', '1', '-c', 'copy', film)
    const output = ['-map', '0', ...X264, ...AAC, '-c:s', 'copy']
    const result = await make('with-subtitles.mkv', output, film)
    expect(await judge('full', result, { of: film, arguments: { input: [], output } })).toMatchObject({ reason: undefined, warnings: [] })
  })

  test.each([
    ['a slide show whose last picture stays', ['-vf', 'fps=1/3'], 'slides.mkv', [...X264, '-r', '25', ...AAC], 'of-slides.mkv'],
    ['sound that ends before the film', ['-af', 'atrim=end=4'], 'short-sound.mkv', [...X264, ...AAC], 'of-short-sound.mp4'],
    ['sound that begins late', ['-af', 'asetpts=PTS+3/TB'], 'late-sound.mkv', ['-vn', '-c:a', 'libopus'], 'of-late-sound.mka'],
    ['pictures of a copied transport stream', ['-g', '250'], 'copied.ts', ['-c', 'copy'], 'of-copied.mkv'],
    ['an odd size', ['-vf', 'crop=131:75,format=yuv444p'], 'odd.mkv', [...X265, '-c:a', 'copy'], 'of-odd.mkv'],
    ['pictures that a player turns', ['-metadata:s:v', 'rotate=90'], 'turned.mp4', [...X264, ...AAC], 'of-turned.mkv'],
    [
      'a cover beside the sound',
      ['-vf', 'trim=end_frame=1', '-disposition:v', 'attached_pic', '-c:v', 'mjpeg'],
      'cover.m4a',
      ['-vn', '-c:a', 'libmp3lame'],
      'of-cover.mp3',
    ],
  ])('of a source with %s', async (_, filters, name, output, resultName) => {
    const film = await make(name, ['-c:v', 'libx264', '-preset', 'ultrafast', ...filters, '-c:a', 'aac'])
    const result = await make(resultName, output, film)
    const { reason, warnings } = await judge('full', result, { of: film, arguments: { input: [], output } })
    expect({ reason, warnings }).toEqual({ reason: undefined, warnings: [] })
  })
})

interface Lie {
  readonly name: string
  readonly caughtBy: 'quick' | 'full'
  readonly reason: RegExp
  /** Of the encode that it is made from. */
  readonly form: readonly [name: string, args: readonly string[]]
  readonly spoil: (path: string) => Promise<void>
}

const MP4 = ['lie.mp4', [...X264, ...AAC]] as const
const FASTSTART = ['lie-faststart.mp4', [...X264, ...AAC, '-movflags', '+faststart']] as const
const MKV = ['lie.mkv', [...X265, ...AAC]] as const
const WEBM = ['lie.webm', [...VP9, '-c:a', 'libopus']] as const
const TS = ['lie.ts', [...X264, ...AAC]] as const
const FLAC = ['lie.flac', ['-vn', '-c:a', 'flac']] as const
const MKA = ['lie.mka', ['-vn', '-c:a', 'flac']] as const

/** Encodes the source in some other way, in the place of the honest result. */
function instead(...args: readonly string[]): (path: string) => Promise<void> {
  return (path) => ffmpeg('-i', source, ...args, path)
}

const SHORT = /long, not|header promises|last packets|lacks \d+ bytes|behind its end|cannot read/
const LIES: readonly Lie[] = [
  { name: 'empty', caughtBy: 'quick', reason: /is empty/, form: MP4, spoil: (path) => truncate(path, 0) },
  { name: '22 bytes', caughtBy: 'quick', reason: /cannot read/, form: MP4, spoil: (path) => truncate(path, 22) },
  {
    name: 'text',
    caughtBy: 'quick',
    reason: /cannot read/,
    form: MKV,
    spoil: (path) => writeFile(path, 'Conversion failed!\n'.repeat(99)),
  },
  { name: 'the header only', caughtBy: 'quick', reason: /packets|cannot read/, form: MKV, spoil: (path) => truncate(path, 700) },
  { name: 'MP4 cut in half', caughtBy: 'quick', reason: /cannot read/, form: MP4, spoil: (path) => cutOff(path, 0.5) },
  { name: 'faststart MP4 cut in half', caughtBy: 'quick', reason: SHORT, form: FASTSTART, spoil: (path) => cutOff(path, 0.5) },
  { name: 'Matroska cut in half', caughtBy: 'quick', reason: SHORT, form: MKV, spoil: (path) => cutOff(path, 0.5) },
  {
    name: 'Matroska cut by its last hundredth',
    caughtBy: 'quick',
    reason: /lacks \d+ bytes/,
    form: MKV,
    spoil: (path) => cutOff(path, 0.99),
  },
  { name: 'WebM cut in half', caughtBy: 'quick', reason: SHORT, form: WEBM, spoil: (path) => cutOff(path, 0.5) },
  { name: 'transport stream cut in half', caughtBy: 'quick', reason: SHORT, form: TS, spoil: (path) => cutOff(path, 0.5) },
  { name: 'FLAC cut in half', caughtBy: 'quick', reason: SHORT, form: FLAC, spoil: (path) => cutOff(path, 0.5) },
  {
    name: 'MP4 with zeros behind it',
    caughtBy: 'quick',
    reason: /4096 bytes behind its end/,
    form: MP4,
    spoil: (path) => pad(path, 4096, () => 0),
  },
  {
    name: 'Matroska with rubbish behind it',
    caughtBy: 'quick',
    reason: /5000 bytes behind its end/,
    form: MKV,
    spoil: (path) => pad(path, 5000, noise),
  },
  {
    name: 'transport stream with zeros behind it',
    caughtBy: 'quick',
    reason: /no packet/,
    form: TS,
    spoil: (path) => pad(path, 188 * 30, () => 0),
  },
  {
    name: 'Matroska of the right size, zeros from the middle on',
    caughtBy: 'quick',
    reason: SHORT,
    form: MKV,
    spoil: (path) => blankOut(path, 0.5),
  },
  {
    name: 'MP4 of the right size, zeros from the middle on',
    caughtBy: 'quick',
    reason: /frames of its video/,
    form: FASTSTART,
    spoil: (path) => blankOut(path, 0.5),
  },
  { name: 'without sound', caughtBy: 'quick', reason: /0 of 1 audio stream/, form: MP4, spoil: instead(...X264, '-an') },
  { name: 'without picture', caughtBy: 'quick', reason: /0 of 1 video stream/, form: MKV, spoil: instead('-vn', ...AAC) },
  {
    name: 'with sound for half of it',
    caughtBy: 'quick',
    reason: /its audio ends/,
    form: MP4,
    spoil: instead(...X264, ...AAC, '-af', 'atrim=end=4'),
  },
  {
    name: 'with sound that lacks its last second',
    caughtBy: 'quick',
    reason: /its audio ends/,
    form: MKV,
    spoil: instead(...X264, ...AAC, '-af', 'atrim=end=7'),
  },
  {
    name: 'with one picture',
    caughtBy: 'quick',
    reason: /its video ends/,
    form: MP4,
    spoil: instead(...X264, ...AAC, '-vf', 'trim=end_frame=1'),
  },
  {
    name: 'with pictures whose time stands still',
    caughtBy: 'quick',
    reason: /its video ends/,
    form: MKV,
    spoil: instead('-c', 'copy', '-bsf:v', 'setts=pts=min(PTS\\,2000+N):dts=min(DTS\\,1900+N)'),
  },
  { name: 'a second too short', caughtBy: 'quick', reason: /7\.\d+ s long, not 8/, form: MKV, spoil: instead(...X264, ...AAC, '-t', '7') },
  {
    name: 'twice as long',
    caughtBy: 'quick',
    reason: /16\.\d+ s long, not 8/,
    form: MP4,
    spoil: (path) => ffmpeg('-stream_loop', '1', '-i', source, ...X264, ...AAC, path),
  },
  {
    name: 'of another picture size',
    caughtBy: 'quick',
    reason: /320x192 pixels, not 160x96/,
    form: MP4,
    spoil: instead(...X264, ...AAC, '-s', '320x192'),
  },
  {
    name: 'H.264 whose first pictures are broken',
    caughtBy: 'quick',
    reason: /first frames.* video/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'v:0', 'start', 3),
  },
  {
    name: 'HEVC whose first pictures are broken',
    caughtBy: 'quick',
    reason: /first frames.* video/,
    form: MKV,
    spoil: (path) => spoilPackets(path, 'v:0', 'start', 3),
  },
  {
    name: 'H.264 whose last picture is broken',
    caughtBy: 'quick',
    reason: /last frames.* video/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'v:0', 'end', 1),
  },
  {
    name: 'HEVC whose last pictures are zeros',
    caughtBy: 'quick',
    reason: /last frames.* video/,
    form: MKV,
    spoil: (path) => spoilPackets(path, 'v:0', 'end', 3, () => 0),
  },
  {
    name: 'VP9 whose last pictures are broken',
    caughtBy: 'quick',
    reason: /last frames.* video/,
    form: WEBM,
    spoil: (path) => spoilPackets(path, 'v:0', 'end', 3),
  },
  {
    name: 'H.264 that was never decodable',
    caughtBy: 'quick',
    reason: /no frame of its video/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'v:0', 'start', 1000),
  },
  {
    name: 'sound whose first part is broken',
    caughtBy: 'quick',
    reason: /first frames.* audio/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'a:0', 'start', 8),
  },
  {
    name: 'sound whose last part is broken',
    caughtBy: 'quick',
    reason: /last frames.* audio/,
    form: MKV,
    spoil: (path) => spoilPackets(path, 'a:0', 'end', 8),
  },
  {
    name: 'H.264 with a picture broken in the middle',
    caughtBy: 'full',
    reason: /h264|NAL/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'v:0', 'middle', 1),
  },
  {
    name: 'HEVC with pictures broken in the middle',
    caughtBy: 'full',
    reason: /hevc|NAL/,
    form: MKV,
    spoil: (path) => spoilPackets(path, 'v:0', 'middle', 4, () => 0),
  },
  {
    name: 'VP9 with pictures broken in the middle',
    caughtBy: 'full',
    reason: /vp9/,
    form: WEBM,
    spoil: (path) => spoilPackets(path, 'v:0', 'middle', 3),
  },
  {
    name: 'sound broken in the middle',
    caughtBy: 'full',
    reason: /aac/,
    form: MP4,
    spoil: (path) => spoilPackets(path, 'a:0', 'middle', 5),
  },
  {
    name: 'FLAC broken in the middle',
    caughtBy: 'full',
    reason: /flac/,
    form: MKA,
    spoil: (path) => spoilPackets(path, 'a:0', 'middle', 5),
  },
]

describe('a lie is caught by its level', () => {
  test.each(LIES.map((lie, at) => [lie.caughtBy, lie.name, lie, at] as const))(
    '%s: %s',
    async (caughtBy, _, { form, reason, spoil }, at) => {
      const [name, args] = form
      const result = join(folder, `${at}-${name}`)
      const honest = join(folder, name)
      if (
        !(await stat(honest).then(
          () => true,
          () => false,
        ))
      )
        await make(name, args)
      await copyFile(honest, result)
      await spoil(result)
      const options = { arguments: { input: [], output: args } }
      const quick = await judge('quick', result, options)
      if (caughtBy === 'quick') expect(quick.reason).toMatch(reason)
      else {
        expect(quick.reason).toBeUndefined()
        expect((await judge('full', result, options)).reason).toMatch(reason)
      }
    },
  )

  test('off: a size that is not all there, or nothing at all', async () => {
    const result = await make('off.mkv', [...X264, ...AAC])
    const { size } = await stat(result)
    expect((await judge('off', result, { sizeBytes: size + 1 })).reason).toMatch(/\d+ of \d+ bytes/)
    await truncate(result, 0)
    expect((await judge('off', result)).reason).toMatch(/is empty/)
    await writeFile(result, 'of the right size')
    expect((await judge('off', result)).reason).toBeUndefined()
  })
})

describe('a fault of the source', () => {
  test('that a copied stream brings along is not the result’s', async () => {
    const film = await make('faulty.mkv', ['-c', 'copy'])
    await spoilPackets(film, 'a:0', 'start', 8)
    await spoilPackets(film, 'a:0', 'middle', 8)
    const output = [...X264, '-c:a', 'copy']
    const result = await make('of-faulty.mkv', output, film)
    const options = { of: film, arguments: { input: [], output } }
    expect((await judge('quick', result, options)).reason).toBeUndefined()
    expect((await judge('full', result, options)).reason).toBeUndefined()
    await spoilPackets(result, 'v:0', 'middle', 2)
    expect((await judge('full', result, options)).reason).toMatch(/h264|NAL/)
  })

  test('is gone where the stream was encoded anew', async () => {
    const film = await make('damaged.mkv', ['-c', 'copy'])
    await spoilPackets(film, 'v:0', 'middle', 8)
    const output = [...X264, ...AAC]
    const result = await make('of-damaged.mkv', output, film)
    for (const level of ['quick', 'full'] as const) {
      expect((await judge(level, result, { of: film, arguments: { input: [], output } })).reason).toBeUndefined()
    }
  })

  test('that it was cut off is told with the seconds that it lacks', async () => {
    const film = await make('cut.mkv', ['-c', 'copy'])
    await cutOff(film, 0.5)
    const output = [...X264, ...AAC]
    const result = await make('of-cut.mkv', output, film)
    const { reason, warnings } = await judge('quick', result, { of: film, arguments: { input: [], output } })
    expect(reason).toBeUndefined()
    expect(warnings).toEqual([
      expect.stringMatching(/cut\.mkv: its header promises 8\.\d s, but its data ends at [345]\.\d s: the last [345]\.\d s were not there/),
    ])
    await cutOff(result, 0.7)
    expect((await judge('quick', result, { of: film, arguments: { input: [], output } })).reason).toMatch(SHORT)
  })
})

test('one call of ffprobe is enough for a result that is whole', async () => {
  const result = await make('calls.mkv', [...X264, ...AAC])
  const calls: (readonly string[])[] = []
  const plan = createPlan('1', source, { source: await ffprobe.probe(source), arguments: ENCODED })
  const readMedia = (argv: readonly string[], signal?: AbortSignal) => {
    calls.push(argv)
    return ffprobe.read(argv, signal)
  }
  const { signal } = new AbortController()
  await verify({ plan, clock: QUICK_CLOCK, signal, readMedia, onWarning() {} }, result, (await readFile(result)).length)
  expect(calls).toHaveLength(1)
})

test('the host stops decoding when the job is ended', async () => {
  const script = 'case "$*" in *"-f null"*) printf "out_time_us=1000000\\nprogress=continue\\n"; exec sleep 60 ;; esac'
  await using slow = await openLocalHost(script)
  const plan = createPlan('1', source, { source: await probeOnce(source), arguments: ENCODED })
  const ending = new AbortController()
  const context = {
    ...{ plan, host: slow.host, facts: slow.facts, signal: ending.signal },
    onWarning() {},
    onProgress: () => ending.abort(new Error('Ctrl-C')),
  }
  await expect(decodeOnHost(context, { hostSource: source, hostResult: source })).rejects.toThrow('Ctrl-C')
})
