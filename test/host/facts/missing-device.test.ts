import { expect, test } from 'vitest'
import { describeMissingDevice } from '../../../src/host/facts/missing-device.ts'
import type { HostFacts } from '../../../src/host/host.ts'

const FACTS: HostFacts = {
  os: 'linux',
  arch: 'x86_64',
  cores: 2,
  memoryBytes: undefined,
  ffmpegPath: '/usr/bin/ffmpeg',
  ffmpegVersion: '7.1',
  ffprobePath: undefined,
  encoders: [],
  workingDir: '/tmp',
  freeBytes: undefined,
}

test.each<readonly [string, readonly string[] | undefined, string | undefined]>([
  ['hevc_nvenc', [], 'no device (no NVIDIA card)'],
  ['hevc_nvenc', ['dri'], 'no device (no NVIDIA card)'],
  ['hevc_nvenc', ['nvidia'], undefined],
  ['hevc_nvenc', ['dxg'], undefined],
  ['h264_qsv', ['nvidia', 'video'], 'no device (nothing in /dev/dri)'],
  ['h264_vaapi', ['dri'], undefined],
  ['h264_v4l2m2m', ['dri'], 'no device (no /dev/video*)'],
  ['h264_v4l2m2m', ['video'], undefined],
  ['h264_vulkan', [], undefined],
  ['libx264', [], undefined],
  ['hevc_nvenc', undefined, undefined],
])('%s, where %j are there: %s', (encoder, devices, said) => {
  expect(describeMissingDevice({ encoder, kind: 'video' }, { ...FACTS, devices })).toBe(said)
})

test('an encoder whose device the profile names is tried there', () => {
  const need = { encoder: 'h264_vaapi', kind: 'video', device: '/srv/gpu/renderD128' } as const
  expect(describeMissingDevice(need, { ...FACTS, devices: [] })).toBeUndefined()
})
