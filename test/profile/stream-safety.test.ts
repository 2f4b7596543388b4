/** Stream safety, by real encodes: whatever a source holds, no mux fails, and what is lost is said. */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { expectResult } from '../../src/media/expect-result.ts'
import { findFirstFrameStream, firstFrameArguments, withFirstFrame } from '../../src/media/first-frame.ts'
import { judgeResult } from '../../src/media/judge-result.ts'
import { lastPacketArguments, parseLastPackets } from '../../src/media/last-packets.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments } from '../../src/media/probe-arguments.ts'
import type { Config } from '../../src/model/config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { toFfmpegArguments } from '../../src/model/plan.ts'
import { type Selection, selectProfile } from '../../src/profile/select-profile.ts'
import { withHdrHeader } from './hdr-header.ts'
import { createPgsSubtitle } from './pgs-subtitle.ts'

const run = promisify(execFile)
const SHIPPED = join(import.meta.dirname, '../../profiles')
const CONTAINERS = ['mkv', 'mp4', 'm4v', 'mov', 'webm', 'ts', 'm2ts', 'avi'] as const

const CONFIGURATION = `
profiles:
${CONTAINERS.map((container) => `  copy_${container}: {include: copy, extension: ${container}}`).join('\n')}
  quick_mp4: {include: h264, extension: mp4, output_options_video: ["-preset ultrafast"]}
  quick_hevc: {include: hevc, output_options_video: ["-preset ultrafast"]}
  quick_hevc_mp4: {include: quick_hevc, extension: mp4}
  quick_av1: {include: av1, output_options_video: ["-preset 12"]}
  any_encoder: {include: copy, output_options_video: ["-c:v libaom-av1", "-cpu-used 8"]}
  any_encoder_mp4: {include: any_encoder, extension: mp4}
  fast_hevc: {include: hevc, variants: [hevc_nvenc, libx265]}
  plain:
    output_options: ["-c:v copy", "-c:a copy", "-c:s copy"]
    extension: .mkv
  asked: {include: plain, stream_safety: yes}
  silent_about_subtitles:
    output_options: ["-c:v copy", "-c:a copy"]
    extension: .mp4
    stream_safety: yes
`

let config: Config
let folder: string

beforeAll(async () => {
  const files = (await readdir(SHIPPED)).filter((name) => name.endsWith('.yml')).map((name) => join(SHIPPED, name))
  const profiles = await Promise.all(files.map(async (file) => parseShippedProfiles(await readFile(file, 'utf8'), file)))
  config = parseConfig(CONFIGURATION, 'safety.yml', profiles.flat())
  folder = await mkdtemp(join(tmpdir(), 'encode-safety-'))
  await makeSamples()
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a disc with every kind of sound and subtitles', () => {
  const VIDEO = 'video h264'
  const SOUND = ['aac', 'ac3', 'dts', 'flac', 'opus', 'vorbis', 'pcm_s16be', 'mp3']

  test('loses nothing in Matroska; its cover is to be attached', async () => {
    const { media, warnings } = await encode('disc.mkv', 'copy_mkv')
    expect(describeStreams(media)).toEqual([
      VIDEO,
      ...SOUND.map((codec) => `audio ${codec}`),
      ...['subrip', 'ass', 'hdmv_pgs_subtitle', 'dvd_subtitle', 'webvtt'].map((codec) => `subtitle ${codec}`),
      'attachment ttf',
    ])
    expect(warnings).toEqual([])
    expect(media.streams.at(-1)).toMatchObject({ fileName: 'font.ttf', mimeType: 'application/x-truetype-font' })
  })

  test.each([
    ['mp4', ['aac', 'ac3', 'dts', 'aac', 'opus', 'vorbis', 'aac', 'mp3'], ['mov_text', 'mov_text', 'mov_text'], true],
    ['m4v', ['aac', 'ac3', 'dts', 'aac', 'opus', 'vorbis', 'aac', 'mp3'], ['mov_text', 'mov_text', 'mov_text'], true],
    ['mov', ['aac', 'ac3', 'dts', 'aac', 'aac', 'vorbis', 'pcm_s16be', 'mp3'], ['mov_text', 'mov_text', 'mov_text'], false],
    ['ts', ['aac', 'ac3', 'dts', 'aac', 'opus', 'aac', 'aac', 'mp3'], [], false],
    ['m2ts', ['aac', 'ac3', 'dts', 'ac3', 'ac3', 'ac3', 'ac3', 'mp3'], ['hdmv_pgs_subtitle'], false],
    ['avi', ['aac', 'ac3', 'dts', 'ac3', 'ac3', 'vorbis', 'ac3', 'mp3'], [], false],
  ] as const)('keeps in %s what that can hold', async (container, sound, subtitles, hasCover) => {
    const { media, warnings } = await encode('disc.mkv', `copy_${container}`)
    const codecs = (kind: string) => media.streams.filter((stream) => stream.kind === kind).map(({ codec }) => codec)
    expect(codecs('audio')).toEqual(sound)
    expect(codecs('subtitle')).toEqual(subtitles)
    expect(media.streams.filter(({ isAttachedPicture }) => isAttachedPicture)).toHaveLength(hasCover ? 1 : 0)
    const converted = sound.filter((codec, place) => codec !== SOUND[place])
    expect(warnings.filter((warning) => / becomes (?:aac|ac3)/.test(warning))).toHaveLength(converted.length)
    expect(warnings).toContainEqual(expect.stringMatching(/^subtitle stream \d+ \(dvd_subtitle\) is left out: /))
    expect(warnings).toContainEqual(expect.stringMatching(/^an attached file is left out: /))
    expect(warnings.some((warning) => warning.includes('cover picture'))).toBe(!hasCover)
  })

  test('becomes Opus and WebVTT in WebM', async () => {
    const { media } = await encode('disc-vp9.mkv', 'copy_webm')
    expect(describeStreams(media)).toEqual([
      'video vp9',
      ...['opus', 'opus', 'opus', 'opus', 'opus', 'vorbis', 'opus', 'opus'].map((codec) => `audio ${codec}`),
      ...['webvtt', 'webvtt', 'webvtt'].map((codec) => `subtitle ${codec}`),
    ])
  })

  test.each(['mkv', 'mp4', 'mov', 'webm'] as const)('keeps its chapters in %s', async (container) => {
    const { path } = (await encode(container === 'webm' ? 'disc-vp9.mkv' : 'disc.mkv', `copy_${container}`)).media
    const { stdout } = await run('ffprobe', ['-v', 'error', '-show_chapters', '-of', 'json', path])
    expect(JSON.parse(stdout).chapters.map((chapter: { tags: { title: string } }) => chapter.tags.title)).toEqual(['One', 'Two'])
  })

  test('has its cover beside an encoded picture of even size in MP4', async () => {
    const { media } = await encode('disc.mkv', 'quick_mp4')
    const [film, cover] = media.streams.filter(({ kind }) => kind === 'video')
    expect(film).toMatchObject({ codec: 'h264', width: 322, isAttachedPicture: false })
    expect(cover).toMatchObject({ codec: 'mjpeg', width: 62, isAttachedPicture: true })
  })

  test.each(['opus', 'vorbis', 'mp3', 'aac', 'flac'])('gives its first sound to %s', async (profile) => {
    const { media, warnings } = await encode('disc.mkv', profile)
    expect(media.streams.filter(({ kind }) => kind === 'audio')).toHaveLength(1)
    expect(warnings).toContainEqual(expect.stringMatching(/^7 other audio streams are left out: /))
  })
})

describe('a phone’s film with a time code, MP4 subtitles and a cover', () => {
  test.each([
    ['mkv', ['video h264', 'audio aac', 'subtitle subrip'], []],
    ['mp4', ['video h264', 'audio aac', 'subtitle mov_text', 'cover mjpeg'], []],
  ] as const)('goes into %s', async (container, streams, warnings) => {
    const encoded = await encode('phone.mp4', `copy_${container}`)
    expect(describeStreams(encoded.media)).toEqual(streams)
    expect(encoded.warnings).toEqual(warnings)
  })

  test('goes through a profile of one’s own that asks for stream safety', async () => {
    expect(describeStreams((await encode('phone.mp4', 'asked')).media)).toEqual(['video h264', 'audio aac', 'subtitle subrip'])
  })

  test('goes through one that says nothing of subtitles', async () => {
    const { media } = await encode('disc.mkv', 'silent_about_subtitles')
    expect(media.streams.filter(({ kind }) => kind === 'subtitle').map(({ codec }) => codec)).toEqual(['mov_text', 'mov_text', 'mov_text'])
  })

  test('fails in pytranscoder’s own form, as there', async () => {
    expect(select(await probe('phone.mp4'), 'plain')).toMatchObject({
      arguments: { output: ['-c:v', 'copy', '-c:a', 'copy', '-c:s', 'copy'] },
      warnings: [],
    })
    await expect(encode('phone.mp4', 'plain')).rejects.toThrow('Subtitle codec 94213 is not supported')
  })
})

test.each([
  ['mkv', 'dvb_subtitle'],
  ['ts', 'dvb_subtitle'],
  ['mp4', undefined],
] as const)('television with DVB subtitles goes into %s', async (container, subtitle) => {
  const { media, warnings } = await encode('television.ts', `copy_${container}`)
  expect(describeStreams(media)).toEqual(
    ['video h264', 'audio mp2', ...(subtitle === undefined ? [] : [`subtitle ${subtitle}`])].map(readMp2),
  )
  expect(warnings).toHaveLength(subtitle === undefined ? 1 : 0)

  /** ffprobe reads MPEG audio of layer 2 in MP4 as layer 3. */
  function readMp2(text: string): string {
    return container === 'mp4' ? text.replace('mp2', 'mp3') : text
  }
})

describe('a film that is turned', () => {
  test('stands upright when it is encoded', async () => {
    const { media } = await encode('turned.mp4', 'h264')
    expect([media.streams[0]?.width, media.streams[0]?.height, media.streams[0]?.rotationDegrees]).toEqual([180, 322, undefined])
  })

  test('stays turned in a copy that can say so', async () => {
    const [film] = (await probe('turned.mp4')).streams
    for (const container of ['mp4', 'mov']) {
      const { media } = await encode('turned.mp4', `copy_${container}`)
      expect(media.streams[0]?.rotationDegrees).toBe(film?.rotationDegrees)
    }
  })

  test.each(['mkv', 'webm', 'ts', 'avi'])('is left alone rather than copied into %s, lying', async (container) => {
    expect(select(await probe('turned.mp4'), `copy_${container}`)).toEqual({
      kind: 'unmatched',
      reason: expect.stringMatching(/^its picture is turned by -?90°, which a copy in .+ would lose; /),
    })
  })
})

describe('HDR10', () => {
  const HDR10 = {
    colorPrimaries: 'bt2020',
    colorTransfer: 'smpte2084',
    colorSpace: 'bt2020nc',
    pixelFormat: 'yuv420p10le',
    contentLight: { maxNits: 1000, maxAverageNits: 400 },
  }

  test.each(['quick_hevc', 'quick_hevc_mp4', 'quick_av1'])('goes through %s', async (profile) => {
    const { media, warnings } = await encode('hdr.mkv', profile)
    expect(media.streams[0]).toMatchObject(HDR10)
    const display = media.streams[0]?.masteringDisplay
    for (const [point, wanted] of [
      [display?.red, [0.68, 0.32]],
      [display?.green, [0.265, 0.69]],
      [display?.blue, [0.15, 0.06]],
      [display?.white, [0.3127, 0.329]],
      [
        [display?.maxNits, display?.minNits],
        [1000, 0.005],
      ],
    ] as const) {
      expect(point?.[0]).toBeCloseTo(wanted[0], 3)
      expect(point?.[1]).toBeCloseTo(wanted[1], 3)
    }
    expect(warnings).toEqual([])
  })

  test.each(['any_encoder', 'any_encoder_mp4'])('of a header goes through %s, which cannot be told of it', async (profile) => {
    const { media, warnings } = await encode('hdr-header.mp4', profile)
    expect(media.streams[0]?.masteringDisplay).toMatchObject({ red: [0.68, 0.32], maxNits: 1000, minNits: 0.005 })
    expect(media.streams[0]?.contentLight).toEqual(HDR10.contentLight)
    expect(warnings).toEqual([])
  })

  test('is kept from encoders that would lose it, where there is another', async () => {
    const variantsOf = async (sample: string) => {
      const selection = select(await probe(sample), 'fast_hevc')
      return selection.kind === 'encode' && selection.variants.map(({ name }) => name)
    }
    expect(await variantsOf('hdr.mkv')).toEqual(['libx265'])
    expect(await variantsOf('hdr-header.mp4')).toEqual(['hevc_nvenc', 'libx265'])
    expect(await variantsOf('simple.mp4')).toEqual(['hevc_nvenc', 'libx265'])
  })

  test('is told of a source whose header is silent, by its first frame', async () => {
    const { path, sizeBytes, mtimeMs } = await probe('hdr.mkv')
    const header = parseProbe((await run('ffprobe', [...probeArguments(path)])).stdout, { path, sizeBytes, mtimeMs })
    expect(header.streams[0]?.masteringDisplay).toBeUndefined()
    expect((await probe('hdr.mkv')).streams[0]?.masteringDisplay?.maxNits).toBe(1000)
  })

  test('becomes a picture of 8 bits in H.264, and that is said', async () => {
    const { media, warnings } = await encode('hdr.mkv', 'h264')
    expect(media.streams[0]?.pixelFormat).toBe('yuv420p')
    expect(warnings).toEqual([expect.stringMatching(/8 bits only/)])
  })
})

test('sound in the layout 5.1(side) becomes Opus', async () => {
  for (const [profile, source] of [
    ['opus', 'cinema.mkv'],
    ['copy_webm', 'cinema.mkv'],
  ] as const) {
    const { media } = await encode(source, profile)
    expect(media.streams.find(({ kind }) => kind === 'audio')).toMatchObject({ codec: 'opus', channels: 6 })
  }
})

test('Blu-ray’s PCM becomes FLAC in Matroska', async () => {
  const { media, warnings } = await encode('blu-ray.m2ts', 'copy')
  expect(describeStreams(media)).toEqual(['video h264', 'audio flac'])
  expect(warnings).toEqual(['audio stream 1 (pcm_bluray) becomes flac: Matroska cannot hold it'])
})

test('a variable frame rate keeps its times', async () => {
  const { media } = await encode('variable.mkv', 'h264')
  const times = async (path: string) =>
    (await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path])).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
      .sort((a, b) => a - b)
  expect(await times(media.path)).toEqual(await times(join(folder, 'variable.mkv')))
})

test.each([
  ['silent.mkv', 'opus', /^it holds no audio/],
  ['song.flac', 'h264', /^it holds no video/],
  ['song.flac', 'copy', /^it holds no video/],
])('%s is left alone by %s', async (sample, profile, reason) => {
  expect(select(await probe(sample), profile)).toEqual({ kind: 'unmatched', reason: expect.stringMatching(reason) })
})

async function ffmpeg(...args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { cwd: folder })
}

async function makeSamples(): Promise<void> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=321x180:r=25:d=1']
  const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=1', '-ac', '2']
  const maps = (...inputs: readonly (number | string)[]) => inputs.flatMap((input) => ['-map', String(input)])
  await writeFile(join(folder, 's.srt'), '1\n00:00:00,200 --> 00:00:00,800\nHello\n')
  await writeFile(join(folder, 's.sup'), createPgsSubtitle())
  await writeFile(join(folder, 'font.ttf'), 'not really a font')
  const chapters = ['One', 'Two'].map(
    (title, at) => `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${at * 500}\nEND=${at * 500 + 500}\ntitle=${title}\n`,
  )
  await writeFile(join(folder, 'chapters.txt'), `;FFMETADATA1\n${chapters.join('')}`)
  await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=63x63', '-frames:v', '1', 'cover.jpg')
  await ffmpeg(...picture, '-pix_fmt', 'yuv444p', '-c:v', 'libx264', '-preset', 'ultrafast', 'silent.mkv')
  await ffmpeg('-i', 'silent.mkv', '-c:v', 'libvpx-vp9', '-pix_fmt', 'yuv420p', '-deadline', 'realtime', '-cpu-used', '8', 'vp9.mkv')
  const codecs = ['aac', 'ac3', 'dca', 'flac', 'libopus', 'libvorbis', 'pcm_s16be', 'libmp3lame']
  const encoders = codecs.flatMap((codec, at) => [`-c:a:${at}`, codec])
  await ffmpeg(...sound, ...maps(...codecs.map(() => 0)), ...encoders, '-strict', '-2', 'sounds.mka')
  // A PGS subtitle has no end of its own.
  await ffmpeg('-fix_sub_duration', '-i', 's.sup', '-c:s', 'dvdsub', 'dvd.mkv')
  const subtitles = ['-i', 's.srt', '-i', 's.sup', '-i', 'dvd.mkv']
  const attachments = [
    '-attach',
    'font.ttf',
    '-metadata:s:t:0',
    'mimetype=application/x-truetype-font',
    '-attach',
    'cover.jpg',
    '-metadata:s:t:1',
    'mimetype=image/jpeg',
  ]
  for (const [film, disc] of [
    ['silent.mkv', 'disc.mkv'],
    ['vp9.mkv', 'disc-vp9.mkv'],
  ] as const) {
    await ffmpeg(
      ...['-i', film, '-i', 'sounds.mka', ...subtitles, '-i', 'chapters.txt', ...maps(0, 1, 2, 2, 3, 4, 2), '-map_metadata', '5'],
      ...['-c', 'copy', '-c:s:1', 'ass', '-c:s:4', 'webvtt', ...attachments, disc],
    )
  }
  await ffmpeg('-i', 'silent.mkv', ...sound, '-c:v', 'copy', '-c:a', 'aac', 'simple.mp4')
  await ffmpeg(
    ...['-i', 'simple.mp4', '-i', 's.srt', '-i', 'cover.jpg', ...maps(0, 1, 2), '-c', 'copy', '-c:s', 'mov_text'],
    ...['-disposition:v:1', 'attached_pic', '-timecode', '00:00:00:00', 'phone.mp4'],
  )
  await ffmpeg('-i', 'simple.mp4', '-c', 'copy', '-metadata:s:v:0', 'rotate=90', 'turned.mp4')
  await ffmpeg(
    '-i',
    'silent.mkv',
    '-i',
    's.sup',
    ...sound,
    ...maps(0, 2, 1),
    '-c:v',
    'copy',
    '-c:a',
    'mp2',
    '-c:s',
    'dvbsub',
    'television.ts',
  )
  await ffmpeg(...sound, 'song.flac')
  await ffmpeg(
    '-i',
    'vp9.mkv',
    '-f',
    'lavfi',
    '-i',
    'sine=d=1,aformat=channel_layouts=5.1(side)',
    '-c:v',
    'copy',
    '-c:a',
    'ac3',
    'cinema.mkv',
  )
  await ffmpeg('-i', 'silent.mkv', ...sound, '-c:v', 'copy', '-c:a', 'pcm_bluray', 'blu-ray.m2ts')
  await ffmpeg(
    ...picture,
    '-vf',
    "select='not(mod(n,3))+gt(n,15)'",
    '-vsync',
    'vfr',
    '-pix_fmt',
    'yuv444p',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    'variable.mkv',
  )
  const hdr10 = [
    'master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)',
    'max-cll=1000,400:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=error',
  ].join(':')
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'testsrc=s=320x180:d=1',
    '-pix_fmt',
    'yuv422p10le',
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    hdr10,
    'hdr.mkv',
  )
  await ffmpeg('-i', 'hdr.mkv', '-c', 'copy', '-tag:v', 'hvc1', 'hdr.mp4')
  await writeFile(join(folder, 'hdr-header.mp4'), withHdrHeader(await readFile(join(folder, 'hdr.mp4'))))
}

async function probe(name: string): Promise<MediaInfo> {
  const path = join(folder, name)
  const { size, mtimeMs } = await stat(path)
  const media = parseProbe((await run('ffprobe', [...probeArguments(path)])).stdout, { path, sizeBytes: size, mtimeMs })
  const stream = findFirstFrameStream(media)
  if (stream === undefined) return media
  return withFirstFrame(media, stream, (await run('ffprobe', [...firstFrameArguments(path, stream)])).stdout)
}

function select(source: MediaInfo, profile: string): Selection {
  return selectProfile(config, source, { profile, mixins: [] })
}

/** The result, proved whole. */
async function encode(sample: string, profile: string): Promise<{ readonly media: MediaInfo; readonly warnings: readonly string[] }> {
  const source = await probe(sample)
  const selection = select(source, profile)
  if (selection.kind !== 'encode') throw new Error(selection.reason)
  const name = `${sample}.${profile}${selection.profile.extension}`
  await ffmpeg(...toFfmpegArguments(selection.arguments, source.path, join(folder, name)).slice(1))
  const media = await probe(name)
  const expectation = expectResult(source, selection.arguments, selection.profile.extension)
  const { stdout } = await run('ffprobe', [...lastPacketArguments(media.path, media)])
  expect(judgeResult({ expectation, result: media, lastPacketSeconds: parseLastPackets(stdout), expectedSizeBytes: undefined })).toEqual([])
  return { media, warnings: selection.warnings }
}

/** Without the track that MP4 writes for chapters. */
function describeStreams(media: MediaInfo): readonly string[] {
  return media.streams
    .filter(({ kind }) => kind !== 'data')
    .map(({ kind, codec, isAttachedPicture }) => `${isAttachedPicture ? 'cover' : kind} ${codec}`)
}
