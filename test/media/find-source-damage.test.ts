import { describe, expect, test } from 'vitest'
import { findSourceDamage } from '../../src/media/find-source-damage.ts'

describe('ffmpeg tells of a source that it could not read as a whole', () => {
  test.each([
    '[matroska,webm @ 0x55f6fb2539c0] 0x00 at pos 595643 (0x916bb) invalid as first byte of an EBML number',
    '[mpegts @ 0x564516e879c0] max resync size reached, could not find sync byte',
    '[in#0/mpegts @ 0x5593f0c0] corrupt input packet in stream 0',
    '/films/a.mkv: Input/output error',
  ])('in one line: %s', (line) => {
    expect(findSourceDamage(`Stream mapping:\n${line}\nframe=  331 fps=0.0`)).toMatch(
      /^ffmpeg could not read or decode all of it \([^[].*\)$/,
    )
  })

  test.each([
    ['4 and 5', 'Error while decoding stream #0:0: Invalid data found when processing input'],
    ['6', '[vist#0:0/h264 @ 0x5581] Error submitting packet to decoder: Invalid data found when processing input'],
    ['7', '[vist#0:0/h264 @ 0x5581] [dec:h264 @ 0x5582] Decoding error: Invalid data found when processing input'],
  ])('in many lines of a decoder, in the words of ffmpeg %s', (_, line) => {
    expect(findSourceDamage(`${line}\n`.repeat(10))).toContain('10 lines of that kind')
    // The beginning of a recording.
    expect(findSourceDamage(`${line}\n`.repeat(9))).toBeUndefined()
  })
})

test('nothing is said of what belongs to a sound source, or to the encoder', () => {
  const said = [
    '[libx264 @ 0x5645] using cpu capabilities: MMX2',
    '[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55] Application provided invalid, non monotonically increasing dts to muxer in stream 1',
    '[mp4 @ 0x55] Timestamps are unset in a packet for stream 0',
    '[h264 @ 0x55] Increasing reorder buffer to 2',
  ]
  expect(findSourceDamage(said.join('\n').repeat(20))).toBeUndefined()
})
