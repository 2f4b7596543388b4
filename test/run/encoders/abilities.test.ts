import { describe, expect, test } from 'vitest'
import type { PlanVariant } from '../../../src/model/plan.ts'
import { createAbilities } from '../../../src/run/encoders/abilities.ts'
import { NO_MEMORY } from '../../../src/run/encoders/try-usual-encoders.ts'
import { createPlan } from '../../fixtures/job-plan.ts'
import { openLocalHost } from '../../fixtures/local-host.ts'

const NVENC_FAILS = `case "$*" in *h264_nvenc*) echo 'Cannot load libcuda.so.1' >&2; exit 1 ;; esac`
const VARIANTS = [toVariant('h264_nvenc', 'libmp3lame'), toVariant('libx264', 'libmp3lame'), toVariant('mpeg4', 'libmp3lame')]
const PLAN = { ...createPlan('1', '/films/a.mkv'), variants: VARIANTS }

describe('what a host can do', () => {
  test('is tried in hardware; where there is a choice of hosts software is tried, too, for its speed', async () => {
    for (const [hasChoice, tried] of [
      [false, ['h264_nvenc']],
      [true, ['h264_nvenc', 'libx264', 'mpeg4']],
    ] as const) {
      await using local = await openLocalHost(NVENC_FAILS)
      const abilities = createTestAbilities(hasChoice)
      abilities.want([PLAN])
      await abilities.learn('home', local.host, local.facts)
      expect((await local.tried()).toSorted()).toEqual(tried)
      const { traits } = abilities.toSpec('home', local.host.config)
      expect(VARIANTS.map(({ name }) => traits?.lacks(name))).toEqual([expect.stringContaining('libcuda'), undefined, undefined])
    }
  })

  test('is as fast as the encoder that its jobs get there', async () => {
    await using local = await openLocalHost(NVENC_FAILS)
    const abilities = createTestAbilities(true)
    abilities.want([PLAN, createPlan('2', '/films/b.mkv', { profile: { ...PLAN.profile, name: 'unknown' }, arguments: NOTHING })])
    await abilities.learn('home', local.host, local.facts)
    const { config } = local.host
    expect(abilities.listTried('home', config)).toMatchObject([{ cluster: 'home', name: 'here', profile: 'hevc' }])
    expect(abilities.listTried('home', config)[0]?.workPerSecond).toBeGreaterThan(0)
    expect(abilities.listTried('work', config)).toEqual([])
  })
})

const NOTHING = { input: [], output: ['-c:v', 'copy'] }

function createTestAbilities(hasChoice: boolean) {
  return createAbilities({ memory: NO_MEMORY, now: () => 0, signal: new AbortController().signal, wantsSpeeds: () => hasChoice })
}

function toVariant(encoder: string, sound: string): PlanVariant {
  const labels = { require: [], any: [], prefer: [] }
  return { name: encoder, arguments: { input: [], output: ['-c:v', encoder, '-c:a', sound] }, queues: ['_default'], labels }
}
