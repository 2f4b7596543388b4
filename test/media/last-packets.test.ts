import { expect, test } from 'vitest'
import { allPacketsArguments, lastPacketArguments, parseLastPackets } from '../../src/media/last-packets.ts'
import type { MediaInfo } from '../../src/model/media.ts'

const FILM = {
  durationSeconds: 100,
  streams: [
    { index: 0, kind: 'video', isAttachedPicture: true },
    { index: 1, kind: 'audio', isAttachedPicture: false },
    { index: 2, kind: 'video', isAttachedPicture: false },
  ],
} as unknown as MediaInfo

test('the last ten seconds are read, counted from the first packet', () => {
  expect(lastPacketArguments('/a', FILM)).toContain('90.000%')
  expect(lastPacketArguments('/a', { ...FILM, startSeconds: 1.4 })).toContain('91.400%')
})

test('a short file, or one of unknown length, is read as a whole', () => {
  expect(lastPacketArguments('/a', { ...FILM, durationSeconds: 8 })).not.toContain('-read_intervals')
  expect(lastPacketArguments('/a', { ...FILM, durationSeconds: 0 })).not.toContain('-read_intervals')
})

test('all packets are those of the film and not of its cover', () => {
  const [video, audio, ...more] = allPacketsArguments('/a', FILM).map((argv) => argv.join(' '))
  expect(video).toContain('-select_streams 2 ')
  expect(audio).toContain('-select_streams 1 ')
  expect(more).toEqual([])
})

// ffprobe 5.1.9: -of compact=nk=1 -show_entries packet=codec_type,pts_time,dts_time,duration_time:format=start_time
test('the end is that of the packet that ends last, whatever its place', () => {
  expect(parseLastPackets('packet|video|3.0|2.9|0.5\npacket|audio|3.2|3.1|0.04\nformat|0.000000\n')).toBe(3.5)
})

test('a start is taken off, a packet without a time passed over, a decoding time good enough', () => {
  expect(parseLastPackets('packet|audio|N/A|N/A|0.04\npacket|video|61.4|61.4|N/A\r\nformat|1.400000\r\n')).toBe(60)
  expect(parseLastPackets('packet|video|N/A|5.96|0.04\nformat|N/A\n')).toBe(6)
})

test('what a subtitle outlasts is the end all the same', () => {
  expect(parseLastPackets('packet|video|3.0|2.9|0.5\npacket|subtitle|3.2|3.2|9.0\nformat|0.000000\n')).toBe(3.5)
})

test('no packet is no end', () => {
  expect(parseLastPackets('')).toBeUndefined()
  expect(parseLastPackets('format|0.000000\n')).toBeUndefined()
})
