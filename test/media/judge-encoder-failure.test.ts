/** Words of ffmpeg 5.1 (recorded, where no driver or device is needed), and those of cards in use as ffmpeg is known to say them (not recorded here). */

import { describe, expect, test } from 'vitest'
import { isSessionLimit, judgeEncoderFailure } from '../../src/media/judge-encoder-failure.ts'

const OPENING = 'Error while opening encoder for output stream #0:0 - maybe incorrect parameters such as bit_rate, rate, width or height'

describe('an encode that failed', () => {
  test.each([
    ['has no driver', 'h264_nvenc', `[h264_nvenc @ 0x55] Cannot load libcuda.so.1\n${OPENING}`, 0, 'variant'],
    ['has no Quick Sync', 'hevc_qsv', '[hevc_qsv @ 0x55] Error initializing an internal MFX session: unsupported (-3)', 0, 'variant'],
    ['has no VAAPI device', 'h264_vaapi', '[AVHWDeviceContext @ 0x55] No VA display found for device /dev/dri/renderD128.', 0, 'variant'],
    ['gives an unknown reason', 'hevc_videotoolbox', 'Error: cannot create compression session: -12908', 0, 'variant'],
    ['finds the card full', 'hevc_nvenc', '[hevc_nvenc @ 0x55] OpenEncodeSessionEx failed: out of memory (10): (no details)', 0, 'crowded'],
    [
      'finds the card full, says an old driver',
      'h264_nvenc',
      'OpenEncodeSessionEx failed: incompatible client key (21): (no details)',
      0,
      'crowded',
    ],
    ['finds no card free', 'h264_nvenc', '[h264_nvenc @ 0x55] No capable devices found', 0, 'crowded'],
    ['finds no card for its picture', 'h264_nvenc', '10 bit encode not supported\nNo capable devices found', 0, 'variant'],
    ['was under way', 'h264_nvenc', 'EncodePicture failed!: generic error (20)', 900, undefined],
    ['is in software', 'libx265', OPENING, 0, undefined],
    ['names no encoder', undefined, OPENING, 0, undefined],
    ['has no room for its result', 'h264_nvenc', 'av_interleaved_write_frame(): No space left on device', 3, undefined],
    ['has a broken source', 'h264_nvenc', 'moov atom not found', 0, undefined],
  ])('%s', (_what, encoder, stderr, frames, fault) => {
    expect(judgeEncoderFailure({ stderr, frames }, encoder)).toBe(fault)
  })
})

test('a trial that finds the card full says nothing against the card', () => {
  expect(isSessionLimit('OpenEncodeSessionEx failed: out of memory (10)')).toBe(true)
  expect(isSessionLimit('Cannot load libcuda.so.1')).toBe(false)
})
