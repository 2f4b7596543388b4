/**
 * Does a file hold what its container says, and nothing behind it? A player stops at the end of the container and so does ffprobe:
 * zeros or rubbish behind it pass unseen by both, and so does a box that promises more bytes than there are.
 *
 * Containers whose whole length is written in them: MP4 and QuickTime (ISO/IEC 14496-12, a chain of boxes), Matroska and WebM
 * (RFC 8794, RFC 9559), AVI (a chain of RIFF chunks); MPEG-TS is made of packets of 188 bytes, Ogg (RFC 3533) of pages that each
 * begin with a mark. Of any other nothing is said.
 */

/** Up to `length` bytes at `offset`; fewer at the end of the file. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>

/** Boxes of a fragmented file: two a fragment. More than this would make the look a long one. */
const MOST_PARTS = 2_000
const TS_PACKET_BYTES = 188
/** An Ogg page has at most 255 segments of 255 bytes, and a header. */
const MOST_OGG_PAGE_BYTES = 27 + 255 + 255 * 255
const [EBML_HEADER, SEGMENT, VOID, CRC_32] = [0x1a45dfa3, 0x18538067, 0xec, 0xbf]

/** @param container as ffprobe names it. A clause for a person, undefined where nothing is amiss. */
export async function findStrayBytes(read: ReadBytes, sizeBytes: number, container: string): Promise<string | undefined> {
  const endOf = CHAINS.find(([name]) => container.split(',').includes(name))?.[1]
  if (endOf !== undefined) return await walk(read, sizeBytes, endOf)
  if (container === 'mpegts') return await checkTransportStream(read, sizeBytes)
  if (container === 'ogg') return await checkOgg(read, sizeBytes)
  return undefined
}

/** Where the part ends that begins with these bytes: Infinity for the end of the file, undefined where no part begins so. */
type EndOfPart = (bytes: DataView, offset: number) => number | undefined

const CHAINS: readonly (readonly [container: string, EndOfPart])[] = [
  ['mov', endOfBox],
  ['matroska', endOfElement],
  ['avi', endOfRiff],
]

async function walk(read: ReadBytes, sizeBytes: number, endOf: EndOfPart): Promise<string | undefined> {
  let offset = 0
  for (let parts = 0; offset < sizeBytes && parts < MOST_PARTS; parts += 1) {
    const bytes = await read(offset, 16)
    const end = endOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset)
    if (end === undefined) return `it has ${sizeBytes - offset} bytes behind its end`
    if (end === Number.POSITIVE_INFINITY) return undefined
    if (end > sizeBytes) return `it lacks ${end - sizeBytes} bytes at its end`
    offset = end
  }
  return undefined
}

function endOfBox(bytes: DataView, offset: number): number | undefined {
  if (bytes.byteLength < 8 || !/^[\x20-\x7e\xa9]{4}$/.test(toLatin(bytes, 4, 4))) return undefined
  const size = bytes.getUint32(0)
  if (size === 0) return Number.POSITIVE_INFINITY
  if (size === 1) return bytes.byteLength < 16 ? undefined : offset + Number(bytes.getBigUint64(8))
  return size < 8 ? undefined : offset + size
}

function endOfElement(bytes: DataView, offset: number): number | undefined {
  const id = readVariable(bytes, 0)
  const size = id === undefined ? undefined : readVariable(bytes, id.length)
  if (id === undefined || size === undefined || ![EBML_HEADER, SEGMENT, VOID, CRC_32].includes(id.marked)) return undefined
  return size.value === undefined ? Number.POSITIVE_INFINITY : offset + id.length + size.length + size.value
}

function endOfRiff(bytes: DataView, offset: number): number | undefined {
  if (bytes.byteLength < 12 || !['RIFF', 'JUNK'].includes(toLatin(bytes, 0, 4))) return undefined
  const size = bytes.getUint32(4, true)
  return offset + 8 + size + (size % 2)
}

interface VariableInteger {
  readonly length: number
  /** With the bits that tell its length, as identifiers are written. */
  readonly marked: number
  /** Undefined where all bits are set: a length that was not known. */
  readonly value: number | undefined
}

function readVariable(bytes: DataView, at: number): VariableInteger | undefined {
  if (at >= bytes.byteLength) return undefined
  const first = bytes.getUint8(at)
  const length = Math.clz32(first) - 23
  if (first === 0 || at + length > bytes.byteLength) return undefined
  let marked = first
  // Without its mark: with it, eight bytes would be more than a number holds exactly.
  let value = first & (0xff >> length)
  let isUnknown = value === 0xff >> length
  for (let index = 1; index < length; index += 1) {
    const byte = bytes.getUint8(at + index)
    marked = marked * 256 + byte
    value = value * 256 + byte
    isUnknown &&= byte === 0xff
  }
  return { length, marked, value: isUnknown ? undefined : value }
}

async function checkTransportStream(read: ReadBytes, sizeBytes: number): Promise<string | undefined> {
  const first = await read(0, 1)
  // Recordings may begin anywhere, and those of 192 bytes a packet have a time in front.
  if (first[0] !== 0x47) return undefined
  const strayBytes = sizeBytes % TS_PACKET_BYTES
  if (strayBytes !== 0) return `its last packet has ${strayBytes} of ${TS_PACKET_BYTES} bytes`
  const last = await read(sizeBytes - TS_PACKET_BYTES, 1)
  return last[0] === 0x47 ? undefined : 'it ends in bytes that are no packet'
}

async function checkOgg(read: ReadBytes, sizeBytes: number): Promise<string | undefined> {
  const from = Math.max(0, sizeBytes - MOST_OGG_PAGE_BYTES)
  const tail = await read(from, sizeBytes - from)
  const bytes = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  for (let at = tail.length - 27; at >= 0; at -= 1) {
    if (toLatin(bytes, at, 4) !== 'OggS') continue
    const segments = tail.subarray(at + 27, at + 27 + bytes.getUint8(at + 26))
    const end = at + 27 + segments.length + segments.reduce((sum, length) => sum + length, 0)
    if (end === tail.length) return undefined
    // The mark may stand within a page by chance; the page's own is further in front then.
    if (end < tail.length) return `it has ${tail.length - end} bytes behind its end`
  }
  return 'it ends in bytes that are no page'
}

function toLatin(bytes: DataView, at: number, length: number): string {
  let text = ''
  for (let index = at; index < at + length; index += 1) text += String.fromCharCode(bytes.getUint8(index))
  return text
}
