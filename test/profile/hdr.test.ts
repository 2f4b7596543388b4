/** HDR10, by real encodes: the colours stay, and what is lost is said. */

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseProbe } from '../../src/media/parse-probe.ts'
import { probeArguments } from '../../src/media/probe-arguments.ts'
import { type FilmEncoder, openFilmEncoder } from './film-encoder.ts'
import { withHdrHeader } from './hdr-header.ts'

const run = promisify(execFile)

const CONFIGURATION = `
profiles:
  quick_hevc: {include: hevc, output_options_video: ["-preset ultrafast"]}
  quick_hevc_mp4: {include: quick_hevc, extension: mp4}
  quick_av1: {include: av1, output_options_video: ["-preset 12"]}
  any_encoder: {include: copy, output_options_video: ["-c:v libaom-av1", "-cpu-used 8"]}
  any_encoder_mp4: {include: any_encoder, extension: mp4}
  fast_hevc: {include: hevc, variants: [hevc_nvenc, libx265]}
`

let films: FilmEncoder

beforeAll(async () => {
  films = await openFilmEncoder(CONFIGURATION)
  await makeHdrFilms(films)
})

afterAll(() => films[Symbol.asyncDispose]())

describe('HDR10', () => {
  const HDR10 = {
    colorPrimaries: 'bt2020',
    colorTransfer: 'smpte2084',
    colorSpace: 'bt2020nc',
    pixelFormat: 'yuv420p10le',
    contentLight: { maxNits: 1000, maxAverageNits: 400 },
  }

  test.each(['quick_hevc', 'quick_hevc_mp4', 'quick_av1'])('goes through %s', async (profile) => {
    const { media, warnings } = await films.encode('hdr.mkv', profile)
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
    const { media, warnings } = await films.encode('hdr-header.mp4', profile)
    expect(media.streams[0]?.masteringDisplay).toMatchObject({ red: [0.68, 0.32], maxNits: 1000, minNits: 0.005 })
    expect(media.streams[0]?.contentLight).toEqual(HDR10.contentLight)
    expect(warnings).toEqual([])
  })

  test('is kept from encoders that would lose it, where there is another', async () => {
    const variantsOf = async (sample: string) => {
      const selection = films.select(await films.probe(sample), 'fast_hevc')
      return selection.kind === 'encode' && selection.variants.map(({ name }) => name)
    }
    expect(await variantsOf('hdr.mkv')).toEqual(['libx265'])
    expect(await variantsOf('hdr-header.mp4')).toEqual(['hevc_nvenc', 'libx265'])
    expect(await variantsOf('simple.mp4')).toEqual(['hevc_nvenc', 'libx265'])
  })

  test('is told of a source whose header is silent, by its first frame', async () => {
    const { path, sizeBytes, mtimeMs } = await films.probe('hdr.mkv')
    const header = parseProbe((await run('ffprobe', [...probeArguments(path)])).stdout, { path, sizeBytes, mtimeMs })
    expect(header.streams[0]?.masteringDisplay).toBeUndefined()
    expect((await films.probe('hdr.mkv')).streams[0]?.masteringDisplay?.maxNits).toBe(1000)
  })

  test('becomes a picture of 8 bits in H.264, and that is said', async () => {
    const { media, warnings } = await films.encode('hdr.mkv', 'h264')
    expect(media.streams[0]?.pixelFormat).toBe('yuv420p')
    expect(warnings).toEqual([expect.stringMatching(/8 bits only/)])
  })
})

/** HDR10 in the frames alone, as x265 writes it, and in the header; and a film that has none. */
async function makeHdrFilms({ folder, ffmpeg }: FilmEncoder): Promise<void> {
  const hdr10 = [
    'master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)',
    'max-cll=1000,400:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=error',
  ].join(':')
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=320x180:d=1']
  await ffmpeg(...picture, '-pix_fmt', 'yuv422p10le', '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', hdr10, 'hdr.mkv')
  await ffmpeg('-i', 'hdr.mkv', '-c', 'copy', '-tag:v', 'hvc1', 'hdr.mp4')
  await writeFile(join(folder, 'hdr-header.mp4'), withHdrHeader(await readFile(join(folder, 'hdr.mp4'))))
  await ffmpeg(...picture, '-c:v', 'libx264', '-preset', 'ultrafast', 'simple.mp4')
}
