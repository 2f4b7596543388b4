/** The shipped profiles, on sample files that real encodes are made of. */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDefaultConfig, parseShippedProfiles } from '../../src/config/parse-config.ts'
import { expectResult } from '../../src/media/expect-result.ts'
import { judgeResult } from '../../src/media/judge-result.ts'
import { lastPacketArguments, parseLastPackets } from '../../src/media/last-packets.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments } from '../../src/media/probe-arguments.ts'
import type { Config } from '../../src/model/config.ts'
import type { MediaInfo } from '../../src/model/media.ts'
import { toFfmpegArguments } from '../../src/model/plan.ts'
import { resolveProfile } from '../../src/profile/resolve-profile.ts'
import { selectProfile } from '../../src/profile/select-profile.ts'

const run = promisify(execFile)
const SHIPPED = join(import.meta.dirname, '../../profiles')
const VIDEO = ['h264', 'hevc', 'av1', 'copy'] as const
const AUDIO = ['opus', 'vorbis', 'mp3', 'aac', 'flac'] as const

let config: Config
let folder: string

beforeAll(async () => {
  const files = (await readdir(SHIPPED)).filter((name) => name.endsWith('.yml')).map((name) => join(SHIPPED, name))
  const profiles = await Promise.all(files.map(async (file) => parseShippedProfiles(await readFile(file, 'utf8'), file)))
  config = createDefaultConfig(profiles.flat())
  folder = await mkdtemp(join(tmpdir(), 'encode-shipped-'))
  await makeSamples()
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function ffmpeg(...args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { cwd: folder })
}

async function makeSamples(): Promise<void> {
  await writeFile(join(folder, 's.srt'), '1\n00:00:00,200 --> 00:00:01,500\nHello\n')
  await writeFile(join(folder, 'font.ttf'), 'not really a font')
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2']
  const sound = ['-f', 'lavfi', '-i', 'sine=f=440:d=2']
  await ffmpeg('-f', 'lavfi', '-i', 'color=red:s=64x64', '-frames:v', '1', 'cover.jpg')
  await ffmpeg(...picture, ...sound, '-c:v', 'mpeg4', '-c:a', 'aac', 'simple.mp4')
  await ffmpeg(...picture, '-c:v', 'mpeg4', 'silent.mp4')
  // A phone's or a shop's MP4: two languages, MP4 subtitles, a time code track and a cover.
  await ffmpeg(
    ...['-i', 'simple.mp4', '-i', 's.srt', '-i', 'cover.jpg', '-map', '0:v', '-map', '0:a', '-map', '0:a', '-map', '1', '-map', '2'],
    ...['-c', 'copy', '-c:s', 'mov_text', '-disposition:v:1', 'attached_pic', '-timecode', '00:00:00:00'],
    ...['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=ger', 'loaded.mp4'],
  )
  // A disc's Matroska: two languages, two kinds of subtitles, a font.
  await ffmpeg(
    ...[
      '-i',
      'simple.mp4',
      '-i',
      's.srt',
      '-map',
      '0:v',
      '-map',
      '0:a',
      '-map',
      '0:a',
      '-map',
      '1',
      '-map',
      '1',
      '-c',
      'copy',
      '-c:s:1',
      'ass',
    ],
    ...['-attach', 'font.ttf', '-metadata:s:t', 'mimetype=application/x-truetype-font', 'disc.mkv'],
  )
  await ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=321x181:r=25:d=1', '-pix_fmt', 'yuv420p', '-c:v', 'ffv1', 'odd.mkv')
  await ffmpeg(...sound, '-i', 'cover.jpg', '-map', '0', '-map', '1', '-c:v', 'copy', '-disposition:v', 'attached_pic', 'song.flac')
}

async function probe(name: string): Promise<MediaInfo> {
  const path = join(folder, name)
  const { size, mtimeMs } = await stat(path)
  return parseProbe((await run('ffprobe', [...probeArguments(path)])).stdout, { path, sizeBytes: size, mtimeMs })
}

/** The result, proved whole. */
async function encode(sample: string, profile: string): Promise<MediaInfo> {
  const source = await probe(sample)
  const selection = selectProfile(config, source, { profile, mixins: [] })
  if (selection.kind !== 'encode') throw new Error(selection.reason)
  const name = `${sample}.${profile}${selection.profile.extension}`
  await ffmpeg(...toFfmpegArguments(selection.arguments, source.path, join(folder, name)).slice(1))
  const result = await probe(name)
  const expectation = expectResult(source, selection.arguments, selection.profile.extension)
  const { stdout } = await run('ffprobe', [...lastPacketArguments(result.path, result)])
  expect(judgeResult({ expectation, result, lastPacketSeconds: parseLastPackets(stdout), expectedSizeBytes: undefined })).toEqual([])
  return result
}

const describeStreams = (media: MediaInfo) =>
  media.streams.map(({ kind, codec, isAttachedPicture }) => `${isAttachedPicture ? 'cover' : kind} ${codec}`)
const CODECS = { h264: 'h264', hevc: 'hevc', av1: 'av1', copy: 'mpeg4' } as const

describe.each(VIDEO)('%s', (profile) => {
  const video = `video ${CODECS[profile]}`

  test('encodes a simple film', async () => {
    expect(describeStreams(await encode('simple.mp4', profile))).toEqual([video, 'audio aac'])
  })

  test('encodes a film without sound', async () => {
    expect(describeStreams(await encode('silent.mp4', profile))).toEqual([video])
  })

  test('keeps both languages and the subtitles of an MP4 with a time code and a cover', async () => {
    const result = await encode('loaded.mp4', profile)
    expect(describeStreams(await probe('loaded.mp4'))).toEqual(expect.arrayContaining(['subtitle mov_text', 'cover mjpeg', 'data unknown']))
    expect(describeStreams(result)).toEqual([video, 'audio aac', 'audio aac', 'subtitle subrip'])
    expect(result.streams.map(({ language }) => language).slice(1, 3)).toEqual(['eng', 'ger'])
  })

  test('keeps languages, subtitles and fonts of a Matroska file', async () => {
    expect(describeStreams(await encode('disc.mkv', profile))).toEqual([
      video,
      'audio aac',
      'audio aac',
      'subtitle subrip',
      'subtitle ass',
      'attachment ttf',
    ])
  })

  test('takes odd sizes', async () => {
    const result = await encode('odd.mkv', profile)
    expect([result.streams[0]?.width, result.streams[0]?.height]).toEqual(profile === 'copy' ? [321, 181] : [322, 182])
  })
})

describe.each(AUDIO)('%s', (profile) => {
  const [codec, holdsCover] = {
    opus: ['opus', false],
    vorbis: ['vorbis', false],
    mp3: ['mp3', true],
    aac: ['aac', true],
    flac: ['flac', true],
  }[profile] as [string, boolean]

  test('takes one audio stream out of a film', async () => {
    for (const sample of ['simple.mp4', 'disc.mkv']) {
      expect(describeStreams(await encode(sample, profile))).toEqual([`audio ${codec}`])
    }
  })

  test('keeps the cover of a song where the format holds one', async () => {
    expect(describeStreams(await encode('song.flac', profile))).toEqual(holdsCover ? [`audio ${codec}`, 'cover mjpeg'] : [`audio ${codec}`])
  })
})

test('every shipped profile is described, names its container and runs in the default queue', () => {
  const names = config.profiles.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining([...VIDEO, ...AUDIO]))
  for (const codec of ['h264', 'hevc', 'av1']) {
    const forms = ['nvenc', 'qsv', 'vaapi', 'amf', ...(codec === 'av1' ? [] : ['videotoolbox'])]
    expect(names).toEqual(expect.arrayContaining(forms.map((form) => `${codec}_${form}`)))
  }
  for (const name of names) {
    const profile = resolveProfile(config, name)
    expect(profile.description, name).toMatch(/\S/)
    expect(profile.extension, name).toMatch(/^\.\w+$/)
    expect(profile.queue, name).toBe('_default')
  }
})

test('each hardware profile asks for its encoder and options that ffmpeg knows', async () => {
  const { stdout } = await run('ffmpeg', ['-hide_banner', '-encoders'])
  for (const { name } of config.profiles.filter(({ name }) => name.includes('_'))) {
    const { sections } = resolveProfile(config, name)
    const options = sections.video ?? []
    expect(options[options.indexOf('-c:v') + 1]).toBe(name)
    if (!stdout.includes(` ${name} `)) continue
    const help = (await run('ffmpeg', ['-hide_banner', '-h', `encoder=${name}`])).stdout
    const own = options.filter((option) => /^-(?:preset|rc|cq|rc_mode|qp|quality|qp_i|qp_p)$/.test(option))
    for (const option of own) expect(help, `${name} ${option}`).toMatch(new RegExp(`^ +${option} `, 'm'))
  }
})
