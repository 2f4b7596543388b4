/** Stream safety, by real encodes: whatever a source holds, no mux fails, and what is lost is said. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MediaInfo } from '../../src/model/media.ts'
import { type FilmEncoder, openFilmEncoder } from './film-encoder.ts'
import { makeUnusualFilms } from './unusual-films.ts'

const run = promisify(execFile)
const CONTAINERS = ['mkv', 'mp4', 'm4v', 'mov', 'webm', 'ts', 'm2ts', 'avi'] as const

const CONFIGURATION = `
profiles:
${CONTAINERS.map((container) => `  copy_${container}: {include: copy, extension: ${container}}`).join('\n')}
  quick_mp4: {include: h264, extension: mp4, output_options_video: ["-preset ultrafast"]}
  plain:
    output_options: ["-c:v copy", "-c:a copy", "-c:s copy"]
    extension: .mkv
  asked: {include: plain, stream_safety: yes}
  silent_about_subtitles:
    output_options: ["-c:v copy", "-c:a copy"]
    extension: .mp4
    stream_safety: yes
`

let films: FilmEncoder

beforeAll(async () => {
  films = await openFilmEncoder(CONFIGURATION)
  await makeUnusualFilms(films)
})

afterAll(() => films[Symbol.asyncDispose]())

describe('a disc with every kind of sound and subtitles', () => {
  const VIDEO = 'video h264'
  const SOUND = ['aac', 'ac3', 'dts', 'flac', 'opus', 'vorbis', 'pcm_s16be', 'mp3']

  test('loses nothing in Matroska; its cover is to be attached', async () => {
    const { media, warnings } = await films.encode('disc.mkv', 'copy_mkv')
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
    const { media, warnings } = await films.encode('disc.mkv', `copy_${container}`)
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
    const { media } = await films.encode('disc-vp9.mkv', 'copy_webm')
    expect(describeStreams(media)).toEqual([
      'video vp9',
      ...['opus', 'opus', 'opus', 'opus', 'opus', 'vorbis', 'opus', 'opus'].map((codec) => `audio ${codec}`),
      ...['webvtt', 'webvtt', 'webvtt'].map((codec) => `subtitle ${codec}`),
    ])
  })

  test.each(['mkv', 'mp4', 'mov', 'webm'] as const)('keeps its chapters in %s', async (container) => {
    const { path } = (await films.encode(container === 'webm' ? 'disc-vp9.mkv' : 'disc.mkv', `copy_${container}`)).media
    const { stdout } = await run('ffprobe', ['-v', 'error', '-show_chapters', '-of', 'json', path])
    expect(JSON.parse(stdout).chapters.map((chapter: { tags: { title: string } }) => chapter.tags.title)).toEqual(['One', 'Two'])
  })

  test('has its cover beside an encoded picture of even size in MP4', async () => {
    const { media } = await films.encode('disc.mkv', 'quick_mp4')
    const [film, cover] = media.streams.filter(({ kind }) => kind === 'video')
    expect(film).toMatchObject({ codec: 'h264', width: 322, isAttachedPicture: false })
    expect(cover).toMatchObject({ codec: 'mjpeg', width: 62, isAttachedPicture: true })
  })

  test.each(['opus', 'vorbis', 'mp3', 'aac', 'flac'])('gives its first sound to %s', async (profile) => {
    const { media, warnings } = await films.encode('disc.mkv', profile)
    expect(media.streams.filter(({ kind }) => kind === 'audio')).toHaveLength(1)
    expect(warnings).toContainEqual(expect.stringMatching(/^7 other audio streams are left out: /))
  })
})

describe('a phone’s film with a time code, MP4 subtitles and a cover', () => {
  test.each([
    ['mkv', ['video h264', 'audio aac', 'subtitle subrip'], []],
    ['mp4', ['video h264', 'audio aac', 'subtitle mov_text', 'cover mjpeg'], []],
  ] as const)('goes into %s', async (container, streams, warnings) => {
    const encoded = await films.encode('phone.mp4', `copy_${container}`)
    expect(describeStreams(encoded.media)).toEqual(streams)
    expect(encoded.warnings).toEqual(warnings)
  })

  test('goes through a profile of one’s own that asks for stream safety', async () => {
    expect(describeStreams((await films.encode('phone.mp4', 'asked')).media)).toEqual(['video h264', 'audio aac', 'subtitle subrip'])
  })

  test('goes through one that says nothing of subtitles', async () => {
    const { media } = await films.encode('disc.mkv', 'silent_about_subtitles')
    expect(media.streams.filter(({ kind }) => kind === 'subtitle').map(({ codec }) => codec)).toEqual(['mov_text', 'mov_text', 'mov_text'])
  })

  test('fails in pytranscoder’s own form, as there', async () => {
    expect(films.select(await films.probe('phone.mp4'), 'plain')).toMatchObject({
      arguments: { output: ['-c:v', 'copy', '-c:a', 'copy', '-c:s', 'copy'] },
      warnings: [],
    })
    await expect(films.encode('phone.mp4', 'plain')).rejects.toThrow('Subtitle codec 94213 is not supported')
  })
})

test.each([
  ['mkv', 'dvb_subtitle'],
  ['ts', 'dvb_subtitle'],
  ['mp4', undefined],
] as const)('television with DVB subtitles goes into %s', async (container, subtitle) => {
  const { media, warnings } = await films.encode('television.ts', `copy_${container}`)
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
    const { media } = await films.encode('turned.mp4', 'h264')
    expect([media.streams[0]?.width, media.streams[0]?.height, media.streams[0]?.rotationDegrees]).toEqual([180, 322, undefined])
  })

  test('stays turned in a copy that can say so', async () => {
    const [film] = (await films.probe('turned.mp4')).streams
    for (const container of ['mp4', 'mov']) {
      const { media } = await films.encode('turned.mp4', `copy_${container}`)
      expect(media.streams[0]?.rotationDegrees).toBe(film?.rotationDegrees)
    }
  })

  test.each(['mkv', 'webm', 'ts', 'avi'])('is left alone rather than copied into %s, lying', async (container) => {
    expect(films.select(await films.probe('turned.mp4'), `copy_${container}`)).toEqual({
      kind: 'unmatched',
      reason: expect.stringMatching(/^its picture is turned by -?90°, which a copy in .+ would lose; /),
    })
  })
})

test('sound in the layout 5.1(side) becomes Opus', async () => {
  for (const [profile, source] of [
    ['opus', 'cinema.mkv'],
    ['copy_webm', 'cinema.mkv'],
  ] as const) {
    const { media } = await films.encode(source, profile)
    expect(media.streams.find(({ kind }) => kind === 'audio')).toMatchObject({ codec: 'opus', channels: 6 })
  }
})

test('Blu-ray’s PCM becomes FLAC in Matroska', async () => {
  const { media, warnings } = await films.encode('blu-ray.m2ts', 'copy')
  expect(describeStreams(media)).toEqual(['video h264', 'audio flac'])
  expect(warnings).toEqual(['audio stream 1 (pcm_bluray) becomes flac: Matroska cannot hold it'])
})

test('a variable frame rate keeps its times', async () => {
  const { media } = await films.encode('variable.mkv', 'h264')
  const times = async (path: string) =>
    (await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path])).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number)
      .sort((a, b) => a - b)
  expect(await times(media.path)).toEqual(await times(join(films.folder, 'variable.mkv')))
})

test.each([
  ['silent.mkv', 'opus', /^it holds no audio/],
  ['song.flac', 'h264', /^it holds no video/],
  ['song.flac', 'copy', /^it holds no video/],
])('%s is left alone by %s', async (sample, profile, reason) => {
  expect(films.select(await films.probe(sample), profile)).toEqual({ kind: 'unmatched', reason: expect.stringMatching(reason) })
})

/** Without the track that MP4 writes for chapters. */
function describeStreams(media: MediaInfo): readonly string[] {
  return media.streams
    .filter(({ kind }) => kind !== 'data')
    .map(({ kind, codec, isAttachedPicture }) => `${isAttachedPicture ? 'cover' : kind} ${codec}`)
}
