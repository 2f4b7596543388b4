import { describe, expect, test } from 'vitest'
import { toNice } from '../../../src/host/facts/small-machine.ts'
import type { HostFacts } from '../../../src/host/host.ts'
import { listLabels, toAutoQueues, toWorkerSpec } from '../../../src/run/encoders/worker-spec.ts'
import { describeOverload } from '../../../src/run/hosts/describe-overload.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

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
      ['libx265', { failure: null }],
      ['h264_nvenc', { failure: 'no card' }],
    ])
    expect(listLabels(CONFIG, { facts: FACTS, trials }).toSorted()).toEqual(
      ['quiet', 'linux', 'aarch64', 'arm64', 'box', 'libx264', 'libx265', 'h264_vaapi', 'aac'].sort(),
    )
  })

  test('have gpu among them when a hardware encoder works, on whatever device', () => {
    const trials = new Map([['h264_vaapi on /dev/dri/renderD129', { failure: null }]])
    expect(listLabels(CONFIG, { facts: FACTS, trials })).toContain('gpu')
    expect(listLabels(CONFIG, { facts: FACTS, trials: new Map([['libx264', { failure: null }]]) })).not.toContain('gpu')
  })
})

describe('what a host lacks', () => {
  const { traits } = toWorkerSpec('home', CONFIG, { facts: FACTS, trials: new Map([['h264_nvenc', { failure: 'no card' }]]) })

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
      ['hevc_nvenc', { failure: null }],
      ['h264_qsv', { failure: 'no session' }],
      ['h264_vaapi', { failure: null }],
      ['libx265', { failure: null }],
    ])
    expect(toAutoQueues({ facts: FACTS, trials })).toEqual({ _default: 2, cuda: 2, nvenc: 2, vaapi: 2 })
  })

  test('is open until the host has come up', () => {
    const config = { ...CONFIG, hasAutoQueues: true }
    expect(toWorkerSpec('home', config, undefined).queues).toBeUndefined()
    expect(toWorkerSpec('home', config, { facts: FACTS, trials: new Map() }).queues).toEqual({ _default: 2 })
  })

  test('counts the cores for performance where there are two kinds', () => {
    expect(toAutoQueues({ facts: { ...FACTS, cores: 24, fastCores: 16 }, trials: new Map() })).toEqual({ _default: 2 })
  })

  test('gives a small machine one job over all queues, unless somebody says how many', () => {
    const config = { ...CONFIG, hasAutoQueues: true }
    const trials = new Map([['h264_v4l2m2m', { failure: null }]])
    for (const facts of [
      { ...FACTS, cores: 1 },
      { ...FACTS, cores: 4, memoryBytes: 512e6 },
    ]) {
      expect(toWorkerSpec('home', config, { facts, trials }).maxJobs).toBe(1)
      expect(toWorkerSpec('home', { ...config, maxJobs: 2 }, { facts, trials }).maxJobs).toBe(2)
      expect(toWorkerSpec('home', CONFIG, { facts, trials }).maxJobs).toBeUndefined()
    }
    expect(toWorkerSpec('home', config, { facts: FACTS, trials }).maxJobs).toBeUndefined()
  })
})

describe('a small machine', () => {
  const NAS = { cores: 1, memoryBytes: 512e6 }

  test.each([
    [{ queues: { _default: 1 } }, NAS, undefined],
    [{ queues: { _default: 1 }, hasAutoQueues: true }, NAS, undefined],
    [{ queues: { _default: 4 }, maxJobs: 1 }, NAS, undefined],
    [{ queues: { _default: 4 } }, { cores: 8, memoryBytes: 16e9 }, undefined],
    [{ queues: { _default: 2, qsv: 1 } }, NAS, 'Host "nas" has 1 core and 512 MB of memory, and is to do 3 jobs at a time'],
    [{ queues: { _default: 4 }, maxJobs: 2 }, { cores: 4, memoryBytes: 0.9e9 }, 'is to do 2 jobs at a time: set "max_jobs: 1"'],
    [{ queues: { _default: 2 } }, { cores: 1, memoryBytes: undefined }, 'Host "nas" has 1 core, and'],
  ])('with %o and %o is told to have too much to do: %s', (config, facts, told) => {
    const overload = describeOverload({ name: 'nas', maxJobs: undefined, ...config }, facts)
    if (told === undefined) expect(overload).toBeUndefined()
    else expect(overload).toContain(told)
  })

  test.each([
    [undefined, NAS, 10],
    [0, NAS, 0],
    [15, NAS, 15],
    [undefined, { cores: 8, memoryBytes: 16e9 }, undefined],
    [5, { cores: 8, memoryBytes: 16e9 }, 5],
  ])('with nice %s and %o runs ffmpeg with niceness %s', (nice, facts, expected) => {
    expect(toNice({ nice }, facts)).toBe(expected)
  })
})
