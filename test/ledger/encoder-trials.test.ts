import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { readTrials } from '../../src/ledger/encoder-trials.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const PLACE = { host: 'ann@10.0.0.9:22', ffmpegPath: '/usr/bin/ffmpeg', ffmpegVersion: '5.1' }
const WORKS = { encoder: 'libx265', failure: null, pointsPerSecond: 1.5e6, triedAtMs: 1_000 }
const FAILS = { encoder: 'hevc_nvenc', failure: 'Cannot load libcuda.so.1', triedAtMs: 2_000 }

test('what was tried is known to the next controller, and the latest trial counts', () => {
  using temporary = makeTemporaryFolder()
  const folder = temporary.path
  using first = openLedger({ folder, clock: systemClock, pid: process.pid })
  first.rememberTrials(PLACE, [WORKS, { ...FAILS, failure: null }])
  first.rememberTrials(PLACE, [FAILS])
  using second = openLedger({ folder, clock: systemClock, pid: process.pid })
  expect(second.recallTrials(PLACE).toSorted((a, b) => a.triedAtMs - b.triedAtMs)).toEqual([WORKS, FAILS])
})

test('another host, another ffmpeg and another version of it are asked anew', () => {
  using temporary = makeTemporaryFolder()
  using ledger = openLedger({ folder: temporary.path, clock: systemClock, pid: process.pid })
  ledger.rememberTrials(PLACE, [WORKS])
  expect(ledger.recallTrials({ ...PLACE, host: 'bob@10.0.0.9:22' })).toEqual([])
  expect(ledger.recallTrials({ ...PLACE, ffmpegPath: '/opt/ffmpeg' })).toEqual([])
  ledger.rememberTrials({ ...PLACE, ffmpegVersion: '6.0' }, [FAILS])
  expect(ledger.recallTrials(PLACE)).toEqual([])
  expect(ledger.recallTrials({ ...PLACE, ffmpegVersion: '6.0' })).toEqual([FAILS])
})

test('a dry run reads it and leaves no trace, beside a controller at work too', () => {
  using temporary = makeTemporaryFolder()
  const folder = temporary.path
  expect(readTrials(folder, PLACE)).toEqual([])
  expect(readdirSync(folder)).toEqual([])
  const ledger = openLedger({ folder, clock: systemClock, pid: process.pid })
  ledger.rememberTrials(PLACE, [WORKS])
  const names = readdirSync(folder)
  expect(readTrials(folder, PLACE)).toEqual([WORKS])
  expect(readdirSync(folder)).toEqual(names)
  ledger[Symbol.dispose]()
  expect(readTrials(folder, PLACE)).toEqual([WORKS])
  expect(readdirSync(folder)).toEqual(['ledger.sqlite'])
})

test('an older ledger, which knows of no trials, tells a dry run nothing', () => {
  using temporary = makeTemporaryFolder()
  const folder = temporary.path
  new DatabaseSync(join(folder, 'ledger.sqlite')).close()
  expect(readTrials(folder, PLACE)).toEqual([])
})
