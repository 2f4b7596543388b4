import { describe, expect, test } from 'vitest'
import type { RememberedTrial } from '../../../src/ledger/encoder-trials.ts'
import type { EncoderNeed } from '../../../src/model/encoder.ts'
import { type TrialMemory, tryEncoders } from '../../../src/run/encoders/encoder-trials.ts'
import { openLocalHost } from '../../fixtures/local-host.ts'

const NEEDS: readonly EncoderNeed[] = [
  { encoder: 'libx264', kind: 'video' },
  { encoder: 'aac', kind: 'audio' },
  { encoder: 'h264_nvenc', kind: 'video' },
  { encoder: 'no_such_encoder', kind: 'video' },
]
const BROKEN = `case "$*" in *h264_nvenc*) echo '[h264_nvenc @ 0x1] Cannot load libcuda.so.1' >&2; exit 1 ;; esac`
const HOUR_MS = 3_600_000

describe('encoders of a host', () => {
  test('are tried once; what fails keeps its reason, and is tried again after a while', async () => {
    await using local = await openLocalHost(BROKEN)
    const memory = createMemory()
    const learn = (nowMs: number) => tryEncoders(local.host, local.facts, NEEDS, { memory, now: () => nowMs })
    const found = await learn(0)
    expect([...found].map(([encoder, { failure }]) => [encoder, failure]).sort()).toEqual([
      ['aac', null],
      ['h264_nvenc', 'Cannot load libcuda.so.1'],
      ['libx264', null],
    ])
    expect((await local.tried()).toSorted()).toEqual(['aac', 'h264_nvenc', 'libx264'])
    expect(await learn(HOUR_MS - 1)).toEqual(found)
    expect(await local.tried()).toHaveLength(3)
    expect(await learn(HOUR_MS)).toEqual(found)
    expect((await local.tried()).slice(3)).toEqual(['h264_nvenc'])
  })

  test('that find the card full count as working, and are asked again next time', async () => {
    await using local = await openLocalHost(
      `case "$*" in *h264_nvenc*) echo 'OpenEncodeSessionEx failed: out of memory (10)' >&2; exit 1 ;; esac`,
    )
    const memory = createMemory()
    const found = await tryEncoders(local.host, local.facts, NEEDS.slice(2, 3), { memory, now: () => 0 })
    expect([...found]).toEqual([['h264_nvenc', { failure: null }]])
    expect(memory.trials).toEqual([])
  })

  test('tell how fast they encoded, the start of ffmpeg not counted, and the next run remembers it', async () => {
    await using local = await openLocalHost('sleep 0.5')
    const memory = createMemory()
    const learn = async () => (await tryEncoders(local.host, local.facts, NEEDS.slice(0, 2), { memory, now: () => 0 })).get('libx264')
    const startedMs = performance.now()
    const speed = (await learn())?.pointsPerSecond ?? 0
    const seconds = (512 * 512) / speed
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan((performance.now() - startedMs) / 1000 - 0.5)
    expect(await learn()).toEqual({ failure: null, pointsPerSecond: speed })
    expect(await local.tried()).toHaveLength(2)
    expect(memory.trials.find(({ encoder }) => encoder === 'aac')?.pointsPerSecond).toBeUndefined()
  })

  test('whose device is not there fail without a trial, and work as soon as it is', async () => {
    await using local = await openLocalHost()
    const memory = createMemory()
    memory.trials.push({ encoder: 'h264_vaapi', failure: null, triedAtMs: 0 })
    const needs = ['h264_nvenc', 'h264_vaapi', 'libx264'].map((encoder): EncoderNeed => ({ encoder, kind: 'video' }))
    const learn = (devices: readonly string[]) => tryEncoders(local.host, { ...local.facts, devices }, needs, { memory, now: () => 0 })
    const found = await learn([])
    expect(found.get('h264_nvenc')?.failure).toBe('no device (no NVIDIA card)')
    expect(found.get('h264_vaapi')?.failure).toBe('no device (nothing in /dev/dri)')
    expect(await local.tried()).toEqual(['libx264'])
    expect((await learn(['dri'])).get('h264_vaapi')?.failure).toBeNull()
  })

  test('are tried anew where what is remembered shall not count', async () => {
    await using local = await openLocalHost()
    const memory = createMemory()
    memory.trials.push({ encoder: 'libx264', failure: 'it was broken', triedAtMs: 0 })
    const options = { memory, now: () => 1 }
    expect((await tryEncoders(local.host, local.facts, NEEDS.slice(0, 1), options)).get('libx264')?.failure).toBe('it was broken')
    expect((await tryEncoders(local.host, local.facts, NEEDS.slice(0, 1), { ...options, isFresh: true })).get('libx264')?.failure).toBe(
      null,
    )
  })
})

function createMemory(): TrialMemory & { readonly trials: RememberedTrial[] } {
  const trials: RememberedTrial[] = []
  return {
    trials,
    recallTrials: () => trials,
    rememberTrials: (_, learned) => void trials.push(...learned),
  }
}
