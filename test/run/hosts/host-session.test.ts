import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../src/core/clock.ts'
import { EncodeError } from '../../../src/core/errors.ts'
import { createHost } from '../../../src/host/create-host.ts'
import type { Host } from '../../../src/host/host.ts'
import type { HostType } from '../../../src/model/config.ts'
import type { EventName } from '../../../src/model/events.ts'
import { type HostSession, type OpenHost, openHostSession } from '../../../src/run/hosts/host-session.ts'
import { makeHostConfig } from '../../contract/host-config.ts'
import { waitUntil } from '../../wait-until.ts'

describe('a host that is lost and comes back', () => {
  let base: string
  let states: string[]
  let events: EventName[]
  let noted: Set<string>
  let session: HostSession
  /** Instead of a host that can be opened. */
  let refusal: EncodeError | undefined
  let clock: Clock
  const signal = AbortSignal.timeout(60_000)

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'encode-session-')))
    states = []
    events = []
    noted = new Set()
    refusal = undefined
    clock = systemClock
    session = await openSession('tower')
  })

  async function openSession(name: string, type: HostType = 'local'): Promise<HostSession> {
    const opened = openHostSession({
      cluster: 'home',
      config: makeHostConfig({ name, type, workingDir: base }),
      createHost(own): Host {
        const host = createHost({ config: { ...own, type: 'local' }, sshProgram: undefined, env: process.env, homeFolder: homedir() })
        return refusal === undefined ? host : { ...host, open: () => Promise.reject(refusal) }
      },
      emit: (event) => events.push(event),
      clock: { now: () => clock.now(), sleep: async (ms, stop) => await clock.sleep(ms, stop) },
      signal,
      setState: (state) => states.push(state),
      checkHost: async () => {},
      learn: async () => {},
      runId: 'run',
      onWorkFolder: (path, isThere) => (isThere ? noted.add(path) : noted.delete(path)),
    })
    await waitUntil(() => opened.current() !== undefined, { what: 'it is open' })
    return opened
  }

  afterEach(async () => {
    await session.close()
    await rm(base, { recursive: true, force: true })
  })

  test('has its work folder before its first job where media travels to it, and else when it is wanted', async () => {
    expect(await readdir(base)).toEqual([])
    await using streaming = { session: await openSession('attic', 'streaming'), [Symbol.asyncDispose]: () => streaming.session.close() }
    await waitUntil(async () => (await readdir(base)).length === 1, { what: 'its folder is there' })
    const folder = await streaming.session.current()?.workFolder()
    expect(await readdir(base)).toEqual([basename(folder ?? '')])
    await streaming.session.close()
    expect(await readdir(base)).toEqual([])
    expect([...noted]).toEqual([])
  })

  test('leaves the work folder of another name of the same machine alone', async () => {
    const other = await openSession('the same tower')
    const [folder, others] = [await current().workFolder(), (await other.current()?.workFolder()) ?? '']
    await writeFile(join(folder, 'film'), '')
    await writeFile(join(others, 'film'), '')
    await other.close()
    expect(await readdir(base)).toEqual([basename(folder)])
    expect(await readdir(folder)).toEqual(['film'])
  })

  test('keeps for its next work folder what somebody waits for, and nothing else', async () => {
    const open = current()
    const folder = await open.workFolder()
    await writeFile(join(folder, 'awaited.part'), 'what came over')
    await writeFile(join(folder, 'other'), '')
    const again = await session.reconnect(open, [join(folder, 'awaited.part'), join(folder, 'never-there.part')], signal)
    expect(again).toBe(session.current())
    const next = await again.workFolder()
    expect(next).not.toBe(folder)
    expect(await readdir(next)).toEqual(['awaited.part'])
    expect(await readFile(join(next, 'awaited.part'), 'utf8')).toBe('what came over')
    expect(await readdir(base)).toEqual([basename(next)])
    expect([...noted]).toEqual([next])
    expect(states).toEqual(['up', 'expected', 'up'])
    expect(events).toEqual(['host.up', 'host.down', 'host.up'])
    // Its first guard ends by itself; what was taken over is none of its business.
    await session.close()
    expect(existsSync(next)).toBe(false)
  })

  test('is not lost once more by a job that was late to notice', async () => {
    const open = current()
    const again = await session.reconnect(open, [], signal)
    session.reportLost('The connection broke', open)
    expect(await session.reconnect(open, [], signal)).toBe(again)
    await waitUntil(() => states.length === 4, { what: 'the scheduler is told' })
    expect(states).toEqual(['up', 'expected', 'up', 'up'])
    expect(session.current()).toBe(again)
  })

  test('in vain where nobody waits any more: those who did go elsewhere after 20 s', async () => {
    const open = current()
    refusal = new EncodeError('HOST_UNREACHABLE', 'It is off')
    const slept: number[] = []
    const over = Promise.withResolvers<void>()
    clock = {
      ...systemClock,
      async sleep(ms, stop) {
        slept.push(ms)
        await (ms === 20_000 ? over.promise : systemClock.sleep(1, stop))
        if (slept.length > 12) over.resolve()
      },
    }
    await expect(session.reconnect(open, [], signal)).rejects.toMatchObject({
      code: 'HOST_LOST',
      message: 'Host "tower" did not come back within 20 s',
    })
    // It was asked every second meanwhile; from then on with growing pauses.
    expect(slept.slice(0, 10)).toEqual([20_000, ...Array.from({ length: 9 }, () => 1000)])
    await waitUntil(() => slept.includes(80_000), { what: 'it is asked less and less often' })
    expect(slept.filter((ms) => ms > 1000).slice(0, 5)).toEqual([20_000, 5_000, 10_000, 20_000, 40_000])
    expect(session.current()).toBeUndefined()
  })

  test('is not waited for by a job that is interrupted', async () => {
    refusal = new EncodeError('HOST_UNREACHABLE', 'It is off')
    const interrupt = new AbortController()
    const waiting = session.reconnect(current(), [], interrupt.signal)
    const reason = new Error('enough')
    interrupt.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  function current(): OpenHost {
    const open = session.current()
    if (open === undefined) throw new Error('It is not open')
    return open
  }
})
