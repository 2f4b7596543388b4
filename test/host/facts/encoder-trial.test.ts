import { describe, expect, test } from 'vitest'
import { parseEncodeSeconds, toTrialArguments, tryEncoder } from '../../../src/host/facts/encoder-trial.ts'
import type { EncoderNeed } from '../../../src/model/encoder.ts'
import { openLocalHost } from '../../fixtures/local-host.ts'

describe('a trial', () => {
  test.each<readonly [EncoderNeed, string]>([
    [{ encoder: 'hevc_nvenc', kind: 'video' }, '-vf format=yuv420p -c:v hevc_nvenc'],
    [{ encoder: 'h264_qsv', kind: 'video' }, '-vf format=nv12 -c:v h264_qsv'],
    [{ encoder: 'h264_vaapi', kind: 'video' }, '-init_hw_device vaapi=trial -filter_hw_device trial'],
    [{ encoder: 'h264_vaapi', kind: 'video' }, '-vf format=nv12,hwupload -c:v h264_vaapi'],
    [{ encoder: 'h264_vaapi', kind: 'video', device: '/dev/dri/renderD129' }, '-init_hw_device vaapi=trial:/dev/dri/renderD129'],
    [{ encoder: 'libopus', kind: 'audio' }, '-f lavfi -i anullsrc=r=48000:cl=stereo -t 1 -c:a libopus'],
    [{ encoder: 'libaom-av1', kind: 'video' }, '-c:v libaom-av1 -cpu-used 8'],
  ])('of %j brings what the encoder needs', (need, part) => {
    const line = toTrialArguments(need)?.join(' ')
    expect(line).toContain(part)
    expect(line).toMatch(/ -f null -$/)
  })

  test('of an encoder that takes only certain sizes is not made', () => {
    expect(toTrialArguments({ encoder: 'dnxhd', kind: 'video' })).toBeUndefined()
  })
})

describe('how long a trial encoded', () => {
  test.each([
    ['frame=1\nspeed=N/A\nprogress=continue\nout_time_us=933333\nout_time_ms=933333\nspeed=2.52x\nprogress=end\n', 0.3704],
    ['out_time_ms=1000000\nspeed=   8x\nprogress=end\n', 0.125],
    ['out_time_ms=1000000\r\nspeed=1.25e+03x\r\n', 0.0008],
    ['out_time_ms=N/A\nspeed=N/A\nprogress=end\n', undefined],
    ['out_time_ms=1000000\nspeed=   0x\n', undefined],
    ['', undefined],
  ])('is read from %j', (progress, seconds) => {
    if (seconds === undefined) expect(parseEncodeSeconds(progress)).toBeUndefined()
    else expect(parseEncodeSeconds(progress)).toBeCloseTo(seconds, 4)
  })
})

describe('on a real host', () => {
  test.each<readonly [EncoderNeed, boolean]>([
    [{ encoder: 'libx264', kind: 'video' }, true],
    [{ encoder: 'libx265', kind: 'video' }, true],
    [{ encoder: 'h264', kind: 'video' }, true],
    [{ encoder: 'aac', kind: 'audio' }, true],
    [{ encoder: 'opus', kind: 'audio' }, true],
    [{ encoder: 'h264_vaapi', kind: 'video', device: '/dev/dri/none' }, false],
    [{ encoder: 'no_such_encoder', kind: 'video' }, false],
  ])('%j works: %s', async (need, works) => {
    await using local = await openLocalHost()
    const trial = await tryEncoder(local.host, local.facts, need)
    expect(trial?.status === 0, trial?.stderr).toBe(works)
    if (!works) expect(trial?.stderr).not.toBe('')
    expect((trial?.pointsPerSecond ?? 0) > 0).toBe(works && need.kind === 'video')
  })
})
