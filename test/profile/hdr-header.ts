/** HDR10 mastering data in an MP4's header, where shops and phones write them and ffmpeg 5 does not: the boxes `mdcv` and `clli`. */

const PATH = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'hvc1'] as const
/** `stsd` has a version and a count before its entries. */
const STSD_HEAD_BYTES = 8

/** @param file an MP4 whose first track is HEVC with the tag `hvc1`, and whose `moov` stands behind its data. */
export function withHdrHeader(file: Buffer): Buffer {
  const boxes = findBoxes(file)
  const entry = boxes.at(-1) ?? 0
  const end = entry + file.readUInt32BE(entry)
  const added = Buffer.concat([
    box('mdcv', [13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450].flatMap(u16), [10_000_000, 50].flatMap(u32)),
    box('clli', [1000, 400].flatMap(u16)),
  ])
  const patched = Buffer.concat([file.subarray(0, end), added, file.subarray(end)])
  for (const at of boxes) patched.writeUInt32BE(file.readUInt32BE(at) + added.length, at)
  return patched
}

function findBoxes(file: Buffer): readonly number[] {
  const found: number[] = []
  let from = 0
  for (const name of PATH) {
    let at = from
    while (file.toString('latin1', at + 4, at + 8) !== name) at += file.readUInt32BE(at)
    found.push(at)
    from = at + 8 + (name === 'stsd' ? STSD_HEAD_BYTES : 0)
  }
  return found
}

function box(name: string, ...parts: readonly (readonly number[])[]): Buffer {
  const content = parts.flat()
  return Buffer.concat([Buffer.from(u32(content.length + 8)), Buffer.from(name, 'latin1'), Buffer.from(content)])
}

function u16(value: number): readonly number[] {
  return [value >> 8, value & 0xff]
}

function u32(value: number): readonly number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)]
}
