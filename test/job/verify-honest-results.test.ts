/** Encodes of many kinds of film into many kinds of file, with nothing wrong in any of them. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AAC, type EncodeWorkshop, ffmpeg, GROUP, openEncodeWorkshop, VP9, X264, X265 } from '../fixtures/encode-workshop.ts'

let workshop: EncodeWorkshop

beforeAll(async () => {
  workshop = await openEncodeWorkshop()
})

afterAll(() => workshop[Symbol.asyncDispose]())

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
    if (encoder !== undefined && !workshop.encoders.includes(encoder)) return
    const result = await workshop.make(name, args)
    const { percents, ...judged } = await workshop.judge('full', result, { output: args })
    expect(judged).toEqual({ reason: undefined, warnings: [] })
    expect(percents.at(-1)).toBe(100)
  })

  test('with subtitles, one of which outlasts the film', async () => {
    const words = join(workshop.folder, 'words.srt')
    await writeFile(words, '1\n00:00:01,000 --> 00:00:03,000\nHello\n\n2\n00:00:06,000 --> 00:00:14,000\nStill here\n')
    const film = join(workshop.folder, 'subtitled.mkv')
    await ffmpeg('-i', workshop.source, '-i', words, '-map', '0', '-map', '1', '-c', 'copy', film)
    const output = ['-map', '0', ...X264, ...AAC, '-c:s', 'copy']
    const result = await workshop.make('with-subtitles.mkv', output, film)
    expect(await workshop.judge('full', result, { of: film, output })).toMatchObject({ reason: undefined, warnings: [] })
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
    const film = await workshop.make(name, ['-c:v', 'libx264', '-preset', 'ultrafast', ...filters, '-c:a', 'aac'])
    const result = await workshop.make(resultName, output, film)
    const { reason, warnings } = await workshop.judge('full', result, { of: film, output })
    expect({ reason, warnings }).toEqual({ reason: undefined, warnings: [] })
  })
})
