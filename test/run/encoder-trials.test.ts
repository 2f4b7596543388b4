import { describe, expect, test } from 'vitest'
import type { RememberedTrial } from '../../src/ledger/encoder-trials.ts'
import type { EncoderNeed } from '../../src/model/encoder.ts'
import { type TrialMemory, tryEncoders } from '../../src/run/encoder-trials.ts'
import { openLocalHost } from '../fixtures/local-host.ts'

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
    expect([...found].sort()).toEqual([
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
    expect([...found]).toEqual([['h264_nvenc', null]])
    expect(memory.trials).toEqual([])
  })

  test('are tried anew where what is remembered shall not count', async () => {
    await using local = await openLocalHost()
    const memory = createMemory()
    memory.trials.push({ encoder: 'libx264', failure: 'it was broken', triedAtMs: 0 })
    const options = { memory, now: () => 1 }
    expect((await tryEncoders(local.host, local.facts, NEEDS.slice(0, 1), options)).get('libx264')).toBe('it was broken')
    expect((await tryEncoders(local.host, local.facts, NEEDS.slice(0, 1), { ...options, isFresh: true })).get('libx264')).toBe(null)
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
