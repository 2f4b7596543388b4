import { expect, test } from 'vitest'
import { parseQuickLook, quickLookArguments } from '../../src/media/quick-look.ts'

const intervalsOf = (range: Parameters<typeof quickLookArguments>[1]) => {
  const argv = quickLookArguments('/media/film.mkv', range)
  return argv[argv.indexOf('-read_intervals') + 1]
}

test('a film is looked at where it begins and where it should end, one that is no longer than that in one go', () => {
  expect(intervalsOf({ nearSeconds: 60 })).toBe('%+#64,57.000%+#8000')
  expect(intervalsOf({ nearSeconds: 3 })).toBe('%+#8000')
  expect(intervalsOf({ nearSeconds: 60, windowSeconds: 60 })).toBe('%+#8000')
  expect(intervalsOf({ nearSeconds: undefined })).toBe('%+#64')
})

test('of a film that was read in one go, the last packets are all of them, and each counts once', () => {
  const range = { nearSeconds: 3 }
  const times = Array.from({ length: 70 }, (_, index) => (index / 25).toFixed(6))
  const entries = times.flatMap((time) => [
    { type: 'packet', codec_type: 'video', stream_index: 0, pts_time: time, duration_time: '0.040000', flags: 'K__' },
    { type: 'frame', media_type: 'video', stream_index: 0, pts_time: time, width: 128, height: 72 },
  ])
  const said = {
    packets_and_frames: entries,
    streams: [{ index: 0, codec_type: 'video', codec_name: 'h264' }],
    format: { format_name: 'matroska,webm', duration: '2.8' },
  }
  const look = parseQuickLook(JSON.stringify(said), { path: '/media/film.mkv', sizeBytes: 1, mtimeMs: 0 }, range)
  const [stream] = look.streams
  expect([stream?.first.length, stream?.last.length, stream?.decoded, stream?.isSeenWhole]).toEqual([64, 70, 70, true])
  expect(look.endSeconds).toBeCloseTo(2.8)
})
