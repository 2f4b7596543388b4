/** Results that are not what they say they are, made of honest ones, and which level of verification catches each. */

import { copyFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AAC, type EncodeWorkshop, ffmpeg, openEncodeWorkshop, TOO_SHORT, VP9, X264, X265 } from '../fixtures/encode-workshop.ts'
import { blankOut, cutOff, noise, pad, spoilPackets } from '../fixtures/spoil-media.ts'

let workshop: EncodeWorkshop
const honest = new Map<string, Promise<string>>()

beforeAll(async () => {
  workshop = await openEncodeWorkshop()
})

afterAll(() => workshop[Symbol.asyncDispose]())

/** An honest encode of the source. */
type Form = readonly [name: string, args: readonly string[]]
const MP4: Form = ['lie.mp4', [...X264, ...AAC]]
const FASTSTART: Form = ['lie-faststart.mp4', [...X264, ...AAC, '-movflags', '+faststart']]
const MKV: Form = ['lie.mkv', [...X265, ...AAC]]
const WEBM: Form = ['lie.webm', [...VP9, '-c:a', 'libopus']]
const TS: Form = ['lie.ts', [...X264, ...AAC]]
const FLAC: Form = ['lie.flac', ['-vn', '-c:a', 'flac']]
const MKA: Form = ['lie.mka', ['-vn', '-c:a', 'flac']]

/** What becomes of it. */
type Spoil = (path: string, source: string) => Promise<void>

/** Behind the second second each picture comes a thousandth after the one before. */
const STANDING_TIME = ['-bsf:v', 'setts=pts=min(PTS\\,2000+N):dts=min(DTS\\,1900+N)']

type Lie = readonly [name: string, form: Form, spoil: Spoil, reason: RegExp]

const CAUGHT_BY_QUICK: readonly Lie[] = [
  ['empty', MP4, cutTo(0), /is empty/],
  ['22 bytes', MP4, cutTo(22), /cannot read/],
  ['text', MKV, (path) => writeFile(path, 'Conversion failed!\n'.repeat(99)), /cannot read/],
  ['the header only', MKV, cutTo(700), /packets|cannot read/],
  ['MP4 cut in half', MP4, keep(0.5), /cannot read/],
  ['faststart MP4 cut in half', FASTSTART, keep(0.5), TOO_SHORT],
  ['Matroska cut in half', MKV, keep(0.5), TOO_SHORT],
  ['Matroska cut by its last hundredth', MKV, keep(0.99), /lacks \d+ bytes/],
  ['WebM cut in half', WEBM, keep(0.5), TOO_SHORT],
  ['transport stream cut in half', TS, keep(0.5), TOO_SHORT],
  ['FLAC cut in half', FLAC, keep(0.5), TOO_SHORT],
  ['MP4 with zeros behind it', MP4, append(4096, zero), /4096 bytes behind its end/],
  ['Matroska with rubbish behind it', MKV, append(5000, noise), /5000 bytes behind its end/],
  ['transport stream with zeros behind it', TS, append(188 * 30, zero), /no packet/],
  ['Matroska of the right size, zeros from the middle on', MKV, zerosFrom(0.5), TOO_SHORT],
  ['MP4 of the right size, zeros from the middle on', FASTSTART, zerosFrom(0.5), /frames of its video/],
  ['without sound', MP4, encodeInstead(...X264, '-an'), /0 of 1 audio stream/],
  ['without picture', MKV, encodeInstead('-vn', ...AAC), /0 of 1 video stream/],
  ['with sound for half of it', MP4, encodeInstead(...X264, ...AAC, '-af', 'atrim=end=4'), /its audio ends/],
  ['with sound that lacks its last second', MKV, encodeInstead(...X264, ...AAC, '-af', 'atrim=end=7'), /its audio ends/],
  ['with one picture', MP4, encodeInstead(...X264, ...AAC, '-vf', 'trim=end_frame=1'), /its video ends/],
  ['with pictures whose time stands still', MKV, encodeInstead('-c', 'copy', ...STANDING_TIME), /its video ends/],
  ['a second too short', MKV, encodeInstead(...X264, ...AAC, '-t', '7'), /7\.\d+ s long, not 8/],
  ['twice as long', MP4, (path, source) => ffmpeg('-stream_loop', '1', '-i', source, ...X264, ...AAC, path), /16\.\d+ s long, not 8/],
  ['of another picture size', MP4, encodeInstead(...X264, ...AAC, '-s', '320x192'), /320x192 pixels, not 160x96/],
  ['H.264 whose first pictures are broken', MP4, breakPackets('v:0', 'start', 3), /first frames.* video/],
  ['HEVC whose first pictures are broken', MKV, breakPackets('v:0', 'start', 3), /first frames.* video/],
  ['H.264 whose last picture is broken', MP4, breakPackets('v:0', 'end', 1), /last frames.* video/],
  ['HEVC whose last pictures are zeros', MKV, breakPackets('v:0', 'end', 3, zero), /last frames.* video/],
  ['VP9 whose last pictures are broken', WEBM, breakPackets('v:0', 'end', 3), /last frames.* video/],
  ['H.264 that was never decodable', MP4, breakPackets('v:0', 'start', 1000), /no frame of its video/],
  ['sound whose first part is broken', MP4, breakPackets('a:0', 'start', 8), /first frames.* audio/],
  ['sound whose last part is broken', MKV, breakPackets('a:0', 'end', 8), /last frames.* audio/],
]

const CAUGHT_BY_FULL_ALONE: readonly Lie[] = [
  ['H.264 with a picture broken in the middle', MP4, breakPackets('v:0', 'middle', 1), /h264|NAL/],
  ['HEVC with pictures broken in the middle', MKV, breakPackets('v:0', 'middle', 4, zero), /hevc|NAL/],
  ['VP9 with pictures broken in the middle', WEBM, breakPackets('v:0', 'middle', 3), /vp9/],
  ['sound broken in the middle', MP4, breakPackets('a:0', 'middle', 5), /aac/],
  ['FLAC broken in the middle', MKA, breakPackets('a:0', 'middle', 5), /flac/],
]

test.each(CAUGHT_BY_QUICK)('quick catches: %s', async (...lie) => {
  const [result, output] = await tell(lie)
  expect((await workshop.judge('quick', result, { output })).reason).toMatch(lie[3])
})

test.each(CAUGHT_BY_FULL_ALONE)('full catches, and quick does not: %s', async (...lie) => {
  const [result, output] = await tell(lie)
  expect((await workshop.judge('quick', result, { output })).reason).toBeUndefined()
  expect((await workshop.judge('full', result, { output })).reason).toMatch(lie[3])
})

test('off catches a size that is not all there, or nothing at all', async () => {
  const result = await workshop.make('off.mkv', [...X264, ...AAC])
  const { size } = await stat(result)
  expect((await workshop.judge('off', result, { sizeBytes: size + 1 })).reason).toMatch(/\d+ of \d+ bytes/)
  await truncate(result, 0)
  expect((await workshop.judge('off', result)).reason).toMatch(/is empty/)
  await writeFile(result, 'of the right size')
  expect((await workshop.judge('off', result)).reason).toBeUndefined()
})

/** The lie as a file, and the arguments of the honest result that it is made of. */
async function tell([name, [form, args], spoil]: Lie): Promise<readonly [result: string, output: readonly string[]]> {
  const original = honest.get(form) ?? workshop.make(form, args)
  honest.set(form, original)
  const result = join(workshop.folder, `${name.replaceAll(' ', '-')}-${form}`)
  await copyFile(await original, result)
  await spoil(result, workshop.source)
  return [result, args]
}

function cutTo(bytes: number): Spoil {
  return (path) => truncate(path, bytes)
}

function keep(ratio: number): Spoil {
  return (path) => cutOff(path, ratio)
}

function zerosFrom(ratio: number): Spoil {
  return (path) => blankOut(path, ratio)
}

function append(length: number, byteAt: (index: number) => number): Spoil {
  return (path) => pad(path, length, byteAt)
}

function breakPackets(stream: 'v:0' | 'a:0', where: 'start' | 'middle' | 'end', count: number, byteAt = noise): Spoil {
  return (path) => spoilPackets(path, stream, where, count, byteAt)
}

/** The source is encoded in some other way in its place. */
function encodeInstead(...args: readonly string[]): Spoil {
  return (path, source) => ffmpeg('-i', source, ...args, path)
}

function zero(): number {
  return 0
}
