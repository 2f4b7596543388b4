import { describe, expect, test } from 'vitest'
import type { EncodeError } from '../../src/core/errors.ts'
import type { Host, RunOptions } from '../../src/host/host.ts'
import { encode } from '../../src/job/encode.ts'
import type { JobContext } from '../../src/job/job-context.ts'
import { watchStall } from '../../src/job/stall-watch.ts'
import type { Profile } from '../../src/model/plan.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'
import { createPlan } from '../fixtures/job-plan.ts'

describe('work that stands still', () => {
  test('is told of after the limit, counted from the last change', async () => {
    const clock = createFakeClock()
    const watch = watchStall(clock, 300_000)
    await clock.advance(200_000)
    watch.report('1')
    await clock.advance(295_000)
    expect(watch.signal.aborted).toBe(false)
    await clock.advance(5_000)
    expect(watch.signal.aborted).toBe(true)
    expect(clock.sleeping()).toBe(0)
  })

  test('is told of though reports keep coming, when they are always the same', async () => {
    const clock = createFakeClock()
    const watch = watchStall(clock, 60_000)
    for (let second = 0; second < 60; second += 1) {
      watch.report('frame 7')
      await clock.advance(1_000)
    }
    expect(watch.signal.aborted).toBe(true)
  })

  test('is none while this machine is asleep', async () => {
    const clock = createFakeClock()
    const watch = watchStall(clock, 300_000)
    await clock.advance(100_000)
    clock.nowMs += 8 * 3_600_000
    await clock.advance(150_000)
    expect(watch.signal.aborted).toBe(false)
    watch.end()
  })

  test('is none while the clock is set back', async () => {
    const clock = createFakeClock()
    const watch = watchStall(clock, 300_000)
    await clock.advance(290_000)
    clock.nowMs -= 3_600_000
    await clock.advance(3_600_000)
    expect(watch.signal.aborted).toBe(false)
    watch.end()
  })

  test('is never told of with a limit of 0, nor after the end', async () => {
    const clock = createFakeClock()
    const never = watchStall(clock, 0)
    const ended = watchStall(clock, 10_000)
    ended.end()
    await clock.advance(24 * 3_600_000)
    expect([never.signal.aborted, ended.signal.aborted]).toEqual([false, false])
    expect(clock.sleeping()).toBe(0)
  })
})

describe('an encode', () => {
  test('that stands still is ended, and said where it stood for how long', async () => {
    const bench = startEncode({ stallSeconds: 300 })
    await bench.report(100, 12)
    await bench.clock.advance(299_000)
    await bench.report(200, 24)
    await bench.clock.advance(310_000)
    expect(await bench.failure).toMatchObject({
      code: 'ENCODE_STALLED',
      message: 'ffmpeg made no progress for 5m 00s: it stands at 24s of 1m 00s, picture 200',
    })
  })

  test('of which nothing is ever reported is ended, too', async () => {
    const bench = startEncode({ stallSeconds: 90 })
    await bench.clock.advance(100_000)
    expect(await bench.failure).toMatchObject({ message: 'ffmpeg made no progress for 1m 30s: it wrote nothing yet' })
  })

  test('that reads for long before its first picture has the same time', async () => {
    const bench = startEncode({})
    for (let second = 0; second < 310; second += 10) {
      await bench.report(0, 0)
      await bench.clock.advance(10_000)
    }
    expect(await bench.failure).toMatchObject({ code: 'ENCODE_STALLED', message: expect.stringContaining('wrote nothing yet') })
  })

  test('that writes on without a new picture goes on', async () => {
    const bench = startEncode({ stallSeconds: 60 })
    for (let step = 1; step <= 20; step += 1) {
      await bench.report(7, 1, step * 1000)
      await bench.clock.advance(50_000)
    }
    bench.end()
    expect(await bench.outcome).toMatchObject({ kind: 'finished' })
    expect(bench.clock.sleeping()).toBe(0)
  })

  test('that is through with its source has time to go over a large result again', async () => {
    const bench = startEncode({ stallSeconds: 300 })
    await bench.report(1500, 60, 20_000_000_000)
    await bench.clock.advance(1_200_000)
    bench.end()
    expect(await bench.outcome).toMatchObject({ kind: 'finished' })
  })
})

describe('a host that lies about its encode', () => {
  test('is given no more than hours to finish, whatever size it names', async () => {
    const bench = startEncode({ stallSeconds: 300 })
    await bench.report(1500, 60, Number.MAX_SAFE_INTEGER)
    await bench.clock.advance(5 * 3_600_000)
    expect(await bench.failure).toMatchObject({ code: 'ENCODE_STALLED' })
  })

  test('is heard a few times a second, however often it reports', async () => {
    const bench = startEncode({ stallSeconds: 300 })
    for (let step = 1; step <= 10_000; step += 1) await bench.report(step, step / 1000)
    expect(bench.told()).toBe(1)
    await bench.clock.advance(1000)
    await bench.report(10_001, 11)
    expect(bench.told()).toBe(2)
    bench.end()
    expect(await bench.outcome).toMatchObject({ kind: 'finished' })
  })
})

function startEncode(fields: Pick<Profile, 'stallSeconds'>) {
  let toldTimes = 0
  const clock = createFakeClock()
  const plan = createPlan('1', '/films/a.mp4')
  const started = Promise.withResolvers<RunOptions>()
  const ended = Promise.withResolvers<void>()
  const host = {
    config: { env: {}, nice: undefined },
    async run(_: readonly string[], options: RunOptions = {}) {
      started.resolve(options)
      const aborted = Promise.withResolvers<never>()
      options.signal?.addEventListener('abort', () => aborted.reject(options.signal?.reason), { once: true })
      await Promise.race([ended.promise, aborted.promise])
      return { status: 0, stdout: '', stderr: '' }
    },
  } as unknown as Host
  const context = {
    plan: { ...plan, profile: { ...plan.profile, ...fields } },
    host,
    facts: { ffmpegPath: 'ffmpeg' },
    clock,
    signal: new AbortController().signal,
    onProgress: () => {
      toldTimes += 1
    },
  } as unknown as JobContext
  const route = { hostSource: '/films/a.mp4', hostResult: '/films/.a.mkv' } as Parameters<typeof encode>[1]
  const outcome = encode(context, route)
  const failure = outcome.then(
    () => undefined,
    (error: EncodeError) => error,
  )
  return {
    clock,
    outcome,
    failure,
    told: () => toldTimes,
    end: () => ended.resolve(),
    async report(frame: number, outSeconds: number, sizeBytes = 0) {
      const { onStdout } = await started.promise
      const lines = [`frame=${frame}`, `out_time_us=${outSeconds * 1e6}`, `total_size=${sizeBytes}`, 'progress=continue']
      onStdout?.(Buffer.from(`${lines.join('\n')}\n`))
    },
  }
}
