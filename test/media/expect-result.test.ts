import { describe, expect, test } from 'vitest'
import { dropsPicture, expectResult, withMeasuredEnd } from '../../src/media/expect-result.ts'
import type { MediaInfo, MediaStream } from '../../src/model/media.ts'

type Told = Partial<MediaStream> & Pick<MediaStream, 'kind'>

function media(durationSeconds: number, ...streams: readonly Told[]): MediaInfo {
  return {
    path: '/a',
    sizeBytes: 1,
    mtimeMs: 0,
    container: 'x',
    durationSeconds,
    streams: streams.map((stream, index) => ({
      index,
      codec: 'x',
      language: 'und',
      isDefault: false,
      isAttachedPicture: false,
      ...stream,
    })),
  }
}

const video: Told = { kind: 'video', durationSeconds: 100 }
const eng: Told = { kind: 'audio', language: 'eng', durationSeconds: 100 }
const ger: Told = { kind: 'audio', language: 'ger', durationSeconds: 99.8 }
const subtitle: Told = { kind: 'subtitle', language: 'eng', durationSeconds: 98 }
const cover: Told = { kind: 'video', isAttachedPicture: true, durationSeconds: 100 }
const data: Told = { kind: 'data' }
const font: Told = { kind: 'attachment' }

const FILM = media(100, video, eng, ger, subtitle, subtitle, cover, data, font)

test.each([
  ['-vn', '.mkv', true],
  ['-c:a libopus', '.opus', true],
  ['-c:a aac -map 0:1', '.m4a', true],
  ['-c:a aac -map 0:1 -map 0:5', '.m4a', true],
  ['-f mp3', '.mkv', true],
  ['-c:v libx264', '.mkv', false],
  ['-c copy -map 0', '.mka', false],
  // Nobody knows what that holds.
  ['-c:v rawvideo', '.xyz', false],
  ['-filter_complex [0:a]showwaves[v] -map [v]', '.mka', false],
])('with %s in %s the picture of a film is gone: %s', (output, extension, isGone) => {
  expect(dropsPicture(FILM, { input: [], output: output.split(' ') }, extension)).toBe(isGone)
})

function expectOf(output: string, extension?: string, input = '', source = FILM) {
  const words = (text: string) => text.split(' ').filter((word) => word !== '')
  const { streams, durationSeconds } = expectResult(source, { input: words(input), output: words(output) }, extension)
  return { streams: `${streams.video}v ${streams.audio}a ${streams.subtitle}s`, durationSeconds }
}

describe('streams', () => {
  test.each([
    ['-map 0', '1v 2a 2s'],
    ['-map 0 -map 0', '1v 2a 2s'],
    ['-map 0:v', '1v 0a 0s'],
    ['-map 0:V', '1v 0a 0s'],
    ['-map 0:v:1', '0v 0a 0s'],
    ['-map 0:a', '0v 2a 0s'],
    ['-map 0:a:1', '0v 1a 0s'],
    ['-map 0:a:5?', '0v 0a 0s'],
    ['-map 0:a? -map 0:s?', '0v 2a 2s'],
    ['-map 0:3', '0v 0a 1s'],
    ['-map 0:0 -map 0:1', '1v 1a 0s'],
    ['-map 0:5', '0v 0a 0s'],
    ['-map 0:t -map 0:d?', '0v 0a 0s'],
    ['-map 0:a:m:language:ger', '0v 1a 0s'],
    ['-map 0:m:language:eng', '0v 1a 2s'],
    ['-map 0 -map -0:s', '1v 2a 0s'],
    ['-map 0 -map -0:a:0', '1v 1a 2s'],
    ['-map 0 -map -0:d', '1v 2a 2s'],
    ['-map 0 -an', '1v 0a 2s'],
    ['-map 0 -vn', '0v 2a 2s'],
    ['-map 0 -sn', '1v 2a 0s'],
    ['-map 1:a -map 0:v', '1v 0a 0s'],
    ['-map [out] -map 0:a', '0v 2a 0s'],
    ['-map 0 -map -0:p:1', '0v 0a 0s'],
    ['-map 0:u', '0v 0a 0s'],
    ['-filter_complex [0:v]scale=2:2[v] -map [v] -map 0:a:0', '0v 1a 0s'],
    ['-filter_complex [0:v]scale=2:2', '0v 0a 0s'],
    ['', '1v 1a 0s'],
    ['-c:s copy', '1v 1a 0s'],
    ['-vn', '0v 1a 0s'],
    ['-f segment -map 0', '0v 0a 0s'],
  ])('of "%s" are at least %s', (output, streams) => {
    expect(expectOf(output).streams).toBe(streams)
  })

  test.each([
    ['.mkv', '1v 1a 0s'],
    ['.MP4', '1v 1a 0s'],
    ['.mp3', '0v 1a 0s'],
    ['.opus', '0v 1a 0s'],
    ['.gif', '0v 0a 0s'],
  ])('without maps depend on what a %s takes unasked', (extension, streams) => {
    expect(expectOf('', extension).streams).toBe(streams)
  })

  test('the named container counts before the extension', () => {
    expect(expectOf('-f mp3', '.mkv').streams).toBe('0v 1a 0s')
  })

  test('an input of the profile before the source moves the number of the source', () => {
    expect(expectOf('-map 1:a', '.mkv', '-i logo.png').streams).toBe('0v 2a 0s')
    expect(expectOf('-map 0', '.mkv', '-i logo.png').streams).toBe('0v 0a 0s')
  })

  test('a kind that is left out while reading is not demanded', () => {
    expect(expectOf('-map 0', '.mkv', '-an').streams).toBe('1v 0a 2s')
  })
})

describe('length', () => {
  test('that of the source holds', () => {
    expect(expectOf('-map 0').durationSeconds).toBe(100)
    expect(expectOf('').durationSeconds).toBe(100)
    expect(expectOf('-r 25 -vf scale=-2:720,fps=25 -map 0').durationSeconds).toBe(100)
  })

  test.each([
    '-t 5',
    '-to 5',
    '-ss 5',
    '-sseof -5',
    '-shortest',
    '-fs 1000',
    '-frames:v 100',
    '-vframes 5',
    '-vf setpts=0.5*PTS',
    '-filter:v:0 trim=1:2',
    '-af atempo=1.25',
    "-vf select='gt(scene,0.1)'",
    '-filter_complex concat=n=2',
    '-itsoffset 3 -i other.mkv',
    '-filter_script:v x.txt',
  ])('may be changed by "%s"', (output) => {
    expect(expectOf(`${output} -map 0`).durationSeconds).toBeUndefined()
  })

  test.each(['-ss 10', '-t 5', '-stream_loop 2', '-itsscale 2', '-r 25', '-i other.mkv', '-framerate 10'])(
    'may be changed by the input option "%s"',
    (input) => {
      expect(expectOf('-map 0', '.mkv', input).durationSeconds).toBeUndefined()
    },
  )

  test('is that of the kept streams where a longer one is dropped', () => {
    const short = media(100, video, { ...eng, durationSeconds: 60 })
    expect(expectOf('-vn', '.mkv', '', short).durationSeconds).toBe(60)
    expect(expectOf('', '.mkv', '', short).durationSeconds).toBe(100)
  })

  test('is not told where it depends on which stream ffmpeg chooses', () => {
    const uneven = media(100, { ...eng, durationSeconds: 100 }, { ...ger, durationSeconds: 50 })
    expect(expectOf('', '.mp3', '', uneven).durationSeconds).toBeUndefined()
    expect(expectOf('-map 0:1', '.mp3', '', uneven).durationSeconds).toBe(50)
  })

  test('is not told of some streams where none states its own', () => {
    const { durationSeconds: _v, ...bareVideo } = video
    const { durationSeconds: _a, ...bareAudio } = eng
    const untold = media(100, bareVideo, bareAudio)
    expect(expectOf('', '.mkv', '', untold).durationSeconds).toBe(100)
    expect(expectOf('-vn', '.mkv', '', untold).durationSeconds).toBeUndefined()
    expect(expectOf('', '.mkv', '', media(0, bareVideo)).durationSeconds).toBeUndefined()
  })

  test('is the measured one where the source promises more than it holds, or nothing', () => {
    expect(expectOf('-map 0', '.mkv', '', withMeasuredEnd(FILM, 48)).durationSeconds).toBe(48)
    expect(expectOf('-map 0', '.mkv', '', withMeasuredEnd({ ...FILM, durationSeconds: 0 }, 100.02)).durationSeconds).toBe(100.02)
  })
})
