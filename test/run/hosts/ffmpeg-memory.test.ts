import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { HostFacts } from '../../../src/host/host.ts'
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts'
import { createFfmpegMemory } from '../../../src/run/hosts/ffmpeg-memory.ts'
import { makeHostConfig } from '../../contract/host-config.ts'

const NAS = makeHostConfig({ name: 'nas', type: 'streaming', address: '192.0.2.1' })
const FACTS: HostFacts = {
  ...{ os: 'linux', arch: 'x86_64', cores: 4, memoryBytes: undefined, ffmpegPath: '/usr/bin/ffmpeg', ffprobePath: undefined },
  ...{ ffmpegFile: '1 -rwxr-xr-x /usr/bin/ffmpeg', ffmpegVersion: '7.1', encoders: ['libx264'], codecs: ['h264'], hwaccels: [] },
  ...{ workingDir: '/tmp', freeBytes: 1 },
}

let folder: string
let ledger: Ledger

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-ffmpegs-'))
  ledger = openLedger({ folder, clock: systemClock, pid: process.pid })
})

afterEach(async () => {
  ledger[Symbol.dispose]()
  await rm(folder, { recursive: true })
})

test('the ffmpeg of a host is remembered, by how the host is reached and what its configuration calls it', () => {
  const memory = createFfmpegMemory(ledger)
  expect(memory.recall(NAS)).toEqual({})
  memory.remember(NAS, FACTS)
  const { ffmpegFile, ffmpegVersion, encoders, codecs, hwaccels } = FACTS
  expect(memory.recall({ ...NAS, name: 'other' }).known?.ffmpeg).toEqual({ ffmpegFile, ffmpegVersion, encoders, codecs, hwaccels })
  expect(memory.recall({ ...NAS, address: '192.0.2.2' })).toEqual({})
  expect(memory.recall({ ...NAS, ffmpeg: '/opt/ffmpeg' })).toEqual({})
})

test('one that turned out to be another is forgotten, and what was only believed is not remembered', () => {
  const memory = createFfmpegMemory(ledger)
  memory.remember(NAS, FACTS)
  memory.recall(NAS).known?.onOther()
  expect(memory.recall(NAS)).toEqual({})
  memory.remember(NAS, { ...FACTS, ffmpegFile: undefined })
  expect(memory.recall(NAS)).toEqual({})
})

test('without a ledger that can be read nothing is known', () => {
  const memory = createFfmpegMemory(ledger)
  ledger[Symbol.dispose]()
  memory.remember(NAS, FACTS)
  expect(memory.recall(NAS)).toEqual({})
})
