import { describe, expect, test } from 'vitest'
import { EncodeError, type ErrorCode } from '../../src/core/errors.ts'
import { createHostConfig } from '../../src/host/create-host-config.ts'
import type { Host, HostFacts } from '../../src/host/host.ts'
import { openHostSession } from '../../src/run/host-session.ts'
import { createFakeClock } from '../fixtures/fake-clock.ts'

describe('a host that cannot be reached at the start', () => {
  test('is waited for by no job, tried again after 5 s, 10 s and so on, and joins in', async () => {
    const bench = openSession('HOST_UNREACHABLE')
    await bench.clock.advance(0)
    expect(bench.states).toEqual(['gone'])
    await bench.clock.advance(5_000 + 10_000 + 20_000 + 40_000 + 80_000 + 120_000 + 120_000)
    expect(bench.triedAtS).toEqual([0, 5, 15, 35, 75, 155, 275, 395])
    bench.failWith(undefined)
    await bench.clock.advance(120_000)
    expect(bench.states.at(-1)).toBe('up')
    // The same reason is told once.
    expect(bench.told).toEqual(['host.down it is off', 'host.up'])
    await bench.session.close()
  })

  test('does not hold up the end of the run', async () => {
    const bench = openSession('HOST_UNREACHABLE')
    await bench.clock.advance(6_000)
    await bench.session.close()
    expect(bench.clock.sleeping()).toBe(0)
    expect(bench.session).toMatchObject({ wasUp: false, failure: { code: 'HOST_UNREACHABLE' } })
  })

  test.each(['HOST_KEY_REFUSED', 'HOST_AUTH_FAILED', 'HOST_NO_FFMPEG', 'HOST_SEES_NO_MEDIA'] as const)(
    'is tried once when it answers with %s',
    async (code) => {
      const bench = openSession(code)
      await bench.clock.advance(600_000)
      expect(bench.triedAtS).toEqual([0])
      expect(bench.states).toEqual(['gone'])
      await bench.session.close()
    },
  )
})

describe('a host that was lost', () => {
  test('is waited for, and taken again when its mount has come back after it', async () => {
    const bench = openSession(undefined)
    await bench.clock.advance(0)
    bench.failWith('HOST_SEES_NO_MEDIA')
    bench.session.reportLost('it was switched off')
    await bench.clock.advance(6_000)
    expect(bench.states).toEqual(['up', 'expected'])
    bench.failWith(undefined)
    await bench.clock.advance(10_000)
    expect(bench.states).toEqual(['up', 'expected', 'up'])
    expect(bench.told).toEqual(['host.up', 'host.down it was switched off', 'host.down it is off', 'host.up'])
    await bench.session.close()
  })

  test('counts as gone after some minutes, and joins in all the same when it is back', async () => {
    const bench = openSession(undefined)
    await bench.clock.advance(0)
    bench.failWith('HOST_UNREACHABLE')
    bench.session.reportLost('it was switched off')
    await bench.clock.advance(600_000)
    expect(bench.states.slice(0, 3)).toEqual(['up', 'expected', 'gone'])
    bench.failWith(undefined)
    await bench.clock.advance(120_000)
    expect(bench.states.at(-1)).toBe('up')
    await bench.session.close()
  })

  test('is not tried again when its key has changed', async () => {
    const bench = openSession(undefined)
    await bench.clock.advance(0)
    bench.failWith('HOST_KEY_REFUSED')
    bench.session.reportLost('the connection broke')
    await bench.clock.advance(600_000)
    expect(bench.triedAtS).toEqual([0, 0])
    expect(bench.states).toEqual(['up', 'expected', 'gone'])
    await bench.session.close()
  })
})

const FACTS = { os: 'linux', ffmpegVersion: '7.1', encoders: [], workingDir: '/tmp', freeBytes: undefined } as unknown as HostFacts

function openSession(first: ErrorCode | undefined) {
  const clock = createFakeClock()
  const states: string[] = []
  const told: string[] = []
  const triedAtS: number[] = []
  let code = first
  const config = createHostConfig({ name: 'box', type: 'streaming' })
  const session = openHostSession({
    cluster: 'home',
    config,
    createHost: () =>
      ({
        config,
        async open() {
          triedAtS.push(clock.now() / 1000)
          if (code !== undefined) throw new EncodeError(code, 'it is off')
          return FACTS
        },
        async leave() {},
        async [Symbol.asyncDispose]() {},
      }) as unknown as Host,
    emit: (event, fields) => told.push('reason' in fields ? `${event} ${fields.reason}` : event),
    clock,
    signal: new AbortController().signal,
    setState: (state) => states.push(state),
    checkHost: async () => {},
    learn: async () => {},
    runId: 'r',
    onWorkFolder: () => {},
  })
  return {
    session,
    clock,
    states,
    told,
    triedAtS,
    failWith: (next: ErrorCode | undefined) => {
      code = next
    },
  }
}
