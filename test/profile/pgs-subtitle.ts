/** A Blu-ray subtitle (PGS, `.sup`), which ffmpeg reads but cannot make: a white block of 8 × 2 pixels from 0.2 s to 0.8 s. */

const WIDTH = 320
const HEIGHT = 180
const TICKS_PER_SECOND = 90_000

export function createPgsSubtitle(): Buffer {
  return Buffer.concat([displaySet(0.2, 0, true), displaySet(0.8, 1, false)])
}

function displaySet(seconds: number, number: number, isShown: boolean): Buffer {
  const segment = (type: number, data: readonly number[]) =>
    Buffer.from([0x50, 0x47, ...u32(seconds * TICKS_PER_SECOND), ...u32(0), type, ...u16(data.length), ...data])
  const object = isShown ? [...u16(0), 0, 0, ...u16(10), ...u16(10)] : []
  const composition = [...u16(WIDTH), ...u16(HEIGHT), 0x10, ...u16(number), isShown ? 0x80 : 0, 0, 0, isShown ? 1 : 0, ...object]
  const window = [1, 0, ...u16(10), ...u16(10), ...u16(8), ...u16(2)]
  const palette = [0, 0, 1, 235, 128, 128, 255]
  const line = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]
  const picture = [...u16(0), 0, 0xc0, 0, ...u16(line.length * 2 + 4), ...u16(8), ...u16(2), ...line, ...line]
  return Buffer.concat([
    segment(0x16, composition),
    segment(0x17, window),
    ...(isShown ? [segment(0x14, palette), segment(0x15, picture)] : []),
    segment(0x80, []),
  ])
}

function u16(value: number): readonly number[] {
  return [value >> 8, value & 0xff]
}

function u32(value: number): readonly number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)]
}
