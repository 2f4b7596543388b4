import { expect, test } from 'vitest'
import { encodePercent, projectedSavedPercent } from '../../src/media/encode-percent.ts'
import { createProgressParser } from '../../src/media/progress-parser.ts'
import type { EncodeProgress, MediaInfo } from '../../src/model/media.ts'

function parse(...chunks: readonly string[]): readonly EncodeProgress[] {
  const reports: EncodeProgress[] = []
  const parser = createProgressParser((report) => reports.push(report))
  for (const chunk of chunks) parser.push(Buffer.from(chunk))
  parser.end()
  return reports
}

// ffmpeg 5.1.9: -progress pipe:1
const FIRST = `frame=0
fps=0.00
stream_0_0_q=0.0
bitrate=N/A
total_size=N/A
out_time_us=N/A
out_time_ms=N/A
out_time=N/A
dup_frames=0
drop_frames=0
speed=N/A
progress=continue
`
const SECOND = `frame=52
fps=103.86
stream_0_0_q=28.0
bitrate= 201.3kbits/s
total_size=48
out_time_us=1906984
out_time_ms=1906984
out_time=00:00:01.906984
dup_frames=0
drop_frames=0
speed=3.81x
progress=continue
`
const LAST = `frame=100
fps= 25
total_size=52500
out_time_us=4000000
speed= 1.5x
progress=end
`

test('a report is given for each block, with nothing known as 0', () => {
  expect(parse(FIRST, SECOND, LAST)).toEqual([
    { frame: 0, fps: 0, speed: 0, sizeBytes: 0, outSeconds: 0, isEnd: false },
    { frame: 52, fps: 103.86, speed: 3.81, sizeBytes: 48, outSeconds: 1.906984, isEnd: false },
    { frame: 100, fps: 25, speed: 1.5, sizeBytes: 52500, outSeconds: 4, isEnd: true },
  ])
})

test('pieces may be cut anywhere and have Windows line ends', () => {
  const bytes = (FIRST + SECOND).replaceAll('\n', '\r\n')
  expect(parse(...bytes)).toEqual(parse(FIRST + SECOND))
})

test('what was done stays done when a later report does not know it', () => {
  expect(parse(SECOND, FIRST)[1]).toMatchObject({ outSeconds: 1.906984, sizeBytes: 48, speed: 0 })
})

test('out_time_ms holds microseconds, and out_time alone is enough', () => {
  expect(parse('out_time_ms=2500000\nprogress=continue\n')[0]?.outSeconds).toBe(2.5)
  expect(parse('out_time=01:00:02.500000\nprogress=continue\n')[0]?.outSeconds).toBe(3602.5)
  expect(parse('out_time_us=-23000\nprogress=continue\n')[0]?.outSeconds).toBe(0)
})

test('other lines are ignored, and so is a block that does not end', () => {
  expect(parse('hello\nx265 [info]: a=b\nframe=3\nprogress=continue\nframe=9\n')).toEqual([
    { frame: 3, fps: 0, speed: 0, sizeBytes: 0, outSeconds: 0, isEnd: false },
  ])
})

const SOURCE = { sizeBytes: 1_000_000, durationSeconds: 100 } as MediaInfo
const HALF: EncodeProgress = { frame: 1, fps: 1, speed: 1, sizeBytes: 200_000, outSeconds: 50, isEnd: false }

test('percent is of the length of the source, and never above 100', () => {
  expect(encodePercent(HALF, 100)).toBe(50)
  expect(encodePercent(HALF, 49)).toBe(100)
  expect(encodePercent(HALF, 0)).toBeUndefined()
  expect(encodePercent({ ...HALF, isEnd: true }, 0)).toBe(100)
})

test('the saving is that of the part that is done', () => {
  expect(projectedSavedPercent(HALF, SOURCE)).toBe(60)
  expect(projectedSavedPercent({ ...HALF, sizeBytes: 750_000 }, SOURCE)).toBe(-50)
  expect(projectedSavedPercent({ ...HALF, outSeconds: 0 }, SOURCE)).toBeUndefined()
  // A header has been written, and hardly a picture.
  expect(projectedSavedPercent({ ...HALF, outSeconds: SOURCE.durationSeconds / 200, sizeBytes: 700 }, SOURCE)).toBeUndefined()
  expect(projectedSavedPercent(HALF, { ...SOURCE, durationSeconds: 0 })).toBeUndefined()
})
