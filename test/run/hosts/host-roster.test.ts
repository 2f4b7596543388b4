import { describe, expect, test } from 'vitest'
import { EncodeError } from '../../../src/core/errors.ts'
import { createHostConfig } from '../../../src/host/create-host-config.ts'
import type { HostConfig } from '../../../src/model/config.ts'
import { toWorkerSpec } from '../../../src/run/encoders/worker-spec.ts'
import { createHostRoster, type HostRoster, type NewHost } from '../../../src/run/hosts/host-roster.ts'

const NAS = toConfig('nas')
const PLACE = { cluster: 'home', name: 'nas' }

describe('a host that must leave', () => {
  test('gets no new job, finishes what it has, and is closed then', async () => {
    const { roster, log, opened } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    opened[0]?.setState('up')
    const job = Promise.withResolvers<string>()
    const done = roster.during(PLACE, () => job.promise)
    expect(roster.drain(PLACE, 'It was drained')).toBe(true)
    expect(log).toEqual(['expect nas', 'open nas 22', 'nas up', 'nas gone', 'host.draining nas 1'])
    expect(roster.list()).toEqual([])
    job.resolve('result')
    expect(await done).toBe('result')
    await expect.poll(() => log.slice(5)).toEqual(['close nas', 'host.down nas It was drained'])
    await roster.close()
  })

  test('is closed at once without a job, and says why it is gone', async () => {
    const { roster, log } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    roster.drain(PLACE, 'It was drained')
    await expect.poll(() => log).toEqual(['expect nas', 'open nas 22', 'nas gone', 'close nas', 'host.down nas It was drained'])
    expect(roster.describeAbsent('home')).toEqual(['nas: It was drained'])
    expect(roster.describeAbsent('work')).toEqual([])
    expect(roster.drain(PLACE, 'again')).toBe(false)
  })

  test('gets no job when it is lost and found while it finishes', async () => {
    const { roster, log, opened } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    const job = Promise.withResolvers<void>()
    const done = roster.during(PLACE, () => job.promise)
    roster.drain(PLACE, 'It was drained')
    opened[0]?.setState('expected')
    opened[0]?.setState('up')
    expect(log.filter((line) => line.startsWith('nas '))).toEqual(['nas gone'])
    job.resolve()
    await done
    await roster.close()
  })

  test('stays when it is wanted again before its job has ended', async () => {
    const { roster, log, opened } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    opened[0]?.setState('up')
    const job = Promise.withResolvers<void>()
    const done = roster.during(PLACE, () => job.promise)
    roster.drain(PLACE, 'It was disabled')
    roster.add([{ cluster: 'home', config: { ...NAS, maxJobs: 7 } }])
    expect(log.at(-1)).toBe('nas up')
    job.resolve()
    await done
    expect(roster.list()).toEqual([PLACE])
    await roster.close()
    expect(opened).toHaveLength(1)
  })

  test('comes again after it was closed, where it is wanted again in another form', async () => {
    const { roster, log, opened } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    const job = Promise.withResolvers<void>()
    const done = roster.during(PLACE, () => job.promise)
    roster.drain(PLACE, 'It was disabled')
    roster.add([{ cluster: 'home', config: { ...NAS, port: 2222 } }])
    expect(log.at(-1)).toBe('nas expected')
    job.resolve()
    await done
    await expect.poll(() => log.slice(-4)).toEqual(['close nas', 'host.down nas It was disabled', 'expect nas', 'open nas 2222'])
    expect(opened).toHaveLength(2)
    await roster.close()
  })
})

describe('a host whose settings change', () => {
  test('is weighed anew where they are slots', async () => {
    const { roster, log } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    roster.change('home', { ...NAS, queues: { _default: 4 } })
    expect(log.at(-1)).toBe('change nas {"_default":4}')
    await roster.close()
  })

  test('keeps jobs waiting while it is opened anew', async () => {
    const { roster, log } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    roster.reopen('home', { ...NAS, port: 2222 })
    await expect.poll(() => log.at(-1)).toBe('open nas 2222')
    expect(log).not.toContain('nas gone')
    await roster.close()
  })

  test('does not come again when it was drained', async () => {
    const { roster, log } = createTestRoster()
    roster.add([{ cluster: 'home', config: NAS }])
    const job = Promise.withResolvers<void>()
    const done = roster.during(PLACE, () => job.promise)
    roster.drain(PLACE, 'It was drained')
    roster.reopen('home', { ...NAS, port: 2222 })
    job.resolve()
    await done
    await expect.poll(() => log.at(-1)).toBe('host.down nas It was drained')
    await roster.close()
    expect(log).not.toContain('open nas 2222')
  })
})

test('a run had no host where none could be opened, those that have left included', async () => {
  const { roster, opened } = createTestRoster()
  roster.add([
    { cluster: 'home', config: NAS },
    { cluster: 'home', config: toConfig('box') },
  ])
  expect(roster.hadNone).toBe(false)
  for (const host of opened) host.fail()
  expect(roster.hadNone).toBe(true)
  roster.drain(PLACE, 'It was removed')
  await expect.poll(() => roster.sessions.size).toBe(1)
  expect(roster.hadNone).toBe(true)
  await roster.close()
})

interface OpenedHost extends NewHost {
  fail(): void
}

function createTestRoster(): { readonly roster: HostRoster; readonly log: string[]; readonly opened: OpenedHost[] } {
  const log: string[] = []
  const opened: OpenedHost[] = []
  const roster = createHostRoster({
    toSpec: (cluster, config) => toWorkerSpec(cluster, config, undefined),
    scheduler: {
      expectWorker: ({ name }) => void log.push(`expect ${name}`),
      setWorker: ({ name }, state) => void log.push(`${name} ${state}`),
      changeWorker: ({ name, queues }) => void log.push(`change ${name} ${JSON.stringify(queues)}`),
    },
    emit: (event, fields) => {
      const { host, reason, jobs } = fields as { host: string; reason: string; jobs?: number }
      log.push(`${event} ${host} ${jobs ?? reason}`)
    },
    open(host) {
      const { cluster, config, setState } = host
      let failure: EncodeError | undefined
      log.push(`open ${config.name} ${config.port}`)
      opened.push({
        ...host,
        fail() {
          failure = new EncodeError('HOST_UNREACHABLE', 'Connection refused')
          setState('gone')
        },
      })
      return {
        cluster,
        config,
        current: () => undefined,
        get failure() {
          return failure
        },
        wasUp: false,
        reportLost() {},
        reconnect: async () => {
          throw new EncodeError('HOST_LOST', 'It is not there')
        },
        close: async () => void log.push(`close ${config.name}`),
      }
    },
  })
  return { roster, log, opened }
}

function toConfig(name: string): HostConfig {
  return createHostConfig({ name, type: 'streaming', port: 22 })
}
