import { describe, expect, test } from 'vitest'
import { isEncodeError } from '../../src/core/errors.ts'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments, toFfmpegInput } from '../../src/media/probe-arguments.ts'

const FILE = { path: '/tv/film.mkv', sizeBytes: 1000, mtimeMs: 5 }

function parse(streams: readonly object[], format: object = {}) {
  return parseProbe(JSON.stringify({ streams, format }), FILE)
}

function parseOne(stream: object) {
  const [one] = parse([{ index: 0, codec_type: 'video', codec_name: 'h264', ...stream }]).streams
  return one
}

describe('arguments', () => {
  test('absolute paths of all platforms are taken as they are, others get the file protocol', () => {
    expect(toFfmpegInput('/tv/a:b.mp4')).toBe('/tv/a:b.mp4')
    expect(toFfmpegInput('C:\\tv\\a.mp4')).toBe('C:\\tv\\a.mp4')
    expect(toFfmpegInput('\\\\nas\\tv\\a.mp4')).toBe('\\\\nas\\tv\\a.mp4')
    expect(toFfmpegInput('-x.mp4')).toBe('file:-x.mp4')
    expect(toFfmpegInput('http:x.mp4')).toBe('file:http:x.mp4')
  })

  test('the path follows -i, so that it is never an option', () => {
    expect(probeArguments('/a').slice(-2)).toEqual(['-i', '/a'])
  })
})

describe('what is no media', () => {
  test.each([
    ['nothing', ''],
    ['words', 'moov atom not found'],
    ['an empty object, as ffprobe prints it on failure', '{\n\n}'],
    ['a file without streams', '{"streams": [], "format": {"duration": "1"}}'],
    ['a list', '[]'],
    ['null', 'null'],
    [
      'a table of translations in which ffprobe sees a little MPEG-4',
      '{"streams": [{}], "format": {"format_name": "m4v", "probe_score": 5}}',
    ],
    ['a letter', '{"streams": [{}], "format": {"format_name": "tty", "probe_score": 99}}'],
  ])('%s is unreadable', (_, json) => {
    try {
      parseProbe(json, FILE)
      expect.unreachable()
    } catch (error) {
      expect(isEncodeError(error, 'SOURCE_UNREADABLE')).toBe(true)
    }
  })
})

describe('streams', () => {
  test('an index, kind and codec are kept, and what is unknown is data', () => {
    const { streams } = parse([
      { index: 0, codec_type: 'video', codec_name: 'hevc', width: 1920, height: 1080, pix_fmt: 'yuv420p10le' },
      { index: 1, codec_type: 'audio', codec_name: 'aac', channels: 6 },
      { index: 2, codec_type: 'subtitle', codec_name: 'subrip' },
      { index: 3, codec_type: 'attachment', codec_name: 'ttf' },
      { index: 4, codec_type: 'data', codec_tag_string: 'tmcd' },
      { index: 5 },
    ])
    expect(streams.map((stream) => `${stream.index} ${stream.kind} ${stream.codec}`)).toEqual([
      '0 video hevc',
      '1 audio aac',
      '2 subtitle subrip',
      '3 attachment ttf',
      '4 data unknown',
      '5 data unknown',
    ])
    expect(streams[0]).toMatchObject({ width: 1920, height: 1080, pixelFormat: 'yuv420p10le' })
    expect(streams[1]).toMatchObject({ channels: 6 })
  })

  test.each([
    [{ language: 'ger' }, 'ger'],
    [{ LANGUAGE: 'jpn' }, 'jpn'],
    [{ 'DURATION-eng': '00:01:00.5' }, 'eng'],
    [{ title: 'x' }, 'und'],
    [{ language: '' }, 'und'],
    [undefined, 'und'],
  ])('tags %j mean the language %s', (tags, language) => {
    expect(parseOne({ tags })?.language).toBe(language)
  })

  test.each([
    ['30000/1001', '30000/1001', 30000 / 1001],
    ['25/1', '0/0', 25],
    ['0/0', '24/1', 24],
    ['0/0', '0/0', undefined],
    ['1000/1', '2997/100', 29.97],
    ['90000/1', '0/0', 90000],
  ])('a frame rate of %s, %s on average, is %s', (exact, average, fps) => {
    expect(parseOne({ r_frame_rate: exact, avg_frame_rate: average })?.fps).toBe(fps)
  })

  test('the default flag and attached pictures are told', () => {
    expect(parseOne({ disposition: { default: 1, attached_pic: 0 } })).toMatchObject({ isDefault: true, isAttachedPicture: false })
    expect(parseOne({ disposition: { default: 0, attached_pic: 1 } })).toMatchObject({ isDefault: false, isAttachedPicture: true })
    expect(parseOne({})).toMatchObject({ isDefault: false, isAttachedPicture: false })
  })

  test.each([
    [{ duration: '12.5' }, 12.5],
    [{ duration: 'N/A', tags: { DURATION: '01:02:03.500000000' } }, 3723.5],
    [{ tags: { 'DURATION-eng': '00:00:05.005000000' } }, 5.005],
    [{ duration: '0.000000' }, undefined],
  ])('of %j the length is %s s', (stream, seconds) => {
    expect(parseOne(stream)?.durationSeconds).toBe(seconds)
  })
})

describe('the file', () => {
  const stream = { index: 0, codec_type: 'video', codec_name: 'h264' }

  test.each([
    ['the container states it', [stream], { duration: '60.02' }, 60.02],
    [
      'only a stream states it',
      [
        { ...stream, duration: '7' },
        { ...stream, duration: '9' },
      ],
      {},
      9,
    ],
    ['only a tag states it', [{ ...stream, tags: { DURATION: '00:00:08.0' } }], { duration: 'N/A' }, 8],
    ['nobody states it', [stream], {}, 0],
    ['Matroska counts it from 0', [stream], { format_name: 'matroska,webm', start_time: '100', duration: '160' }, 60],
    ['a transport stream counts it from its start', [stream], { format_name: 'mpegts', start_time: '100', duration: '60' }, 60],
  ])('has its length where %s', (_, streams, format, seconds) => {
    expect(parse(streams, format).durationSeconds).toBe(seconds)
  })

  test('keeps path, size, time and container', () => {
    expect(parse([stream], { format_name: 'avi', start_time: '0.000000' })).toMatchObject({ ...FILE, container: 'avi' })
  })
})
