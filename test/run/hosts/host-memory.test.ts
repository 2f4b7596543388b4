import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { JobRecord } from '../../../src/ledger/records.ts'
import { openHostMemory, toSpeeds } from '../../../src/run/hosts/host-memory.ts'

const job = (host: string, sourceBytes: number, seconds: number): JobRecord =>
  ({ cluster: 'home', host, sourceBytes, startedAtMs: 1000, finishedAtMs: 1000 + seconds * 1000 }) as JobRecord

test('a host is as fast as its jobs together, not as their mean', () => {
  const speeds = toSpeeds([job('nas', 100e6, 10), job('nas', 1e6, 1), job('box', 5e6, 1), job('odd', 1e6, 0)])
  expect(speeds('home', 'nas')).toBeCloseTo(101e6 / 11)
  expect(speeds('home', 'box')).toBe(5e6)
  expect(speeds('home', 'odd')).toBeUndefined()
  expect(speeds('work', 'nas')).toBeUndefined()
})

test('a ledger that cannot be used remembers nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'encode-memory-'))
  try {
    await writeFile(join(folder, 'ledger.sqlite'), 'This is no database, but long enough to be taken for one. '.repeat(100))
    using memory = openHostMemory({ folder, clock: systemClock, pid: process.pid, warner: process })
    expect(memory.speeds('home', 'nas')).toBeUndefined()
    expect(memory.trials.recallTrials({ host: 'nas', ffmpegPath: '/usr/bin/ffmpeg', ffmpegVersion: '7' })).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
