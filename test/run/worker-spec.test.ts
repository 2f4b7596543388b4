import { describe, expect, test } from 'vitest'
import type { HostFacts } from '../../src/host/host.ts'
import { listLabels, toAutoQueues, toWorkerSpec } from '../../src/run/worker-spec.ts'
import { makeHostConfig } from '../contract/host-config.ts'

const FACTS: HostFacts = {
  os: 'linux',
  arch: 'aarch64',
  cores: 16,
  memoryBytes: undefined,
  ffmpegPath: '/usr/bin/ffmpeg',
  ffmpegVersion: '7.1',
  ffprobePath: undefined,
  encoders: ['libx264', 'libx265', 'h264_nvenc', 'h264_vaapi', 'aac'],
  codecs: ['h264', 'hevc'],
  workingDir: '/tmp',
  freeBytes: undefined,
}
const CONFIG = makeHostConfig({ name: 'box', type: 'streaming', labels: ['quiet'] })

describe('labels of a host', () => {
  test('are its own, its system, architecture and name, and the encoders that work or were not tried', () => {
    const trials = new Map([
      ['libx265', null],
      ['h264_nvenc', 'no card'],
    ])
    expect(listLabels(CONFIG, { facts: FACTS, trials }).toSorted()).toEqual(
      ['quiet', 'linux', 'aarch64', 'arm64', 'box', 'libx264', 'libx265', 'h264_vaapi', 'aac'].sort(),
    )
  })

  test('have gpu among them when a hardware encoder works, on whatever device', () => {
    const trials = new Map([['h264_vaapi on /dev/dri/renderD129', null]])
    expect(listLabels(CONFIG, { facts: FACTS, trials })).toContain('gpu')
    expect(listLabels(CONFIG, { facts: FACTS, trials: new Map([['libx264', null]]) })).not.toContain('gpu')
  })
})

describe('what a host lacks', () => {
  const { traits } = toWorkerSpec('home', CONFIG, { facts: FACTS, trials: new Map([['h264_nvenc', 'no card']]) })

  test.each([
    ['libx264', undefined],
    ['h264', undefined],
    ['libsvtav1', 'has no encoder "libsvtav1" (ffmpeg 7.1)'],
    ['h264_nvenc', 'cannot use the encoder "h264_nvenc" (no card)'],
    ['hevc_vaapi on /dev/dri/renderD129', 'has no encoder "hevc_vaapi" (ffmpeg 7.1)'],
  ])('of %s is told: %s', (need, lack) => {
    expect(traits?.lacks(need)).toBe(lack)
  })
})

describe('queues: auto', () => {
  test.each([
    [1, 1],
    [8, 1],
    [16, 2],
    [64, 8],
  ])('gives %i cores %i slots', (cores, slots) => {
    expect(toAutoQueues({ facts: { ...FACTS, cores }, trials: new Map() })).toEqual({ _default: slots })
  })

  test('gives each kind of hardware that works a queue of its own', () => {
    const trials = new Map([
      ['hevc_nvenc', null],
      ['h264_qsv', 'no session'],
      ['h264_vaapi', null],
      ['libx265', null],
    ])
    expect(toAutoQueues({ facts: FACTS, trials })).toEqual({ _default: 2, cuda: 2, nvenc: 2, vaapi: 2 })
  })

  test('is open until the host has come up', () => {
    const config = { ...CONFIG, hasAutoQueues: true }
    expect(toWorkerSpec('home', config, undefined).queues).toBeUndefined()
    expect(toWorkerSpec('home', config, { facts: FACTS, trials: new Map() }).queues).toEqual({ _default: 2 })
  })
})
