import { expect, test } from 'vitest'
import { openLedger } from '../../src/ledger/ledger.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const PLACE = { host: 'ann@10.0.0.9:22', ffmpegPath: '/usr/bin/ffmpeg', ffmpegVersion: '5.1' }
const HEVC = { profile: 'hevc', sizeClass: 'uhd', workPerSecond: 2.5e8 }
const NOTHING = { speeds: [], linkBytesPerSecond: undefined }

test('what a host was last seen to do is known to the next controller', () => {
  using opened = open()
  opened.ledger.rememberSpeed(PLACE, { speed: { ...HEVC, workPerSecond: 1 }, linkBytesPerSecond: 1e6 })
  opened.ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 2e6 })
  opened.ledger.rememberSpeed(PLACE, { speed: { ...HEVC, sizeClass: 'sd' }, linkBytesPerSecond: undefined })
  using next = openLedger({ folder: opened.folder, clock: opened.clock, pid: process.pid })
  expect(next.recallSpeeds(PLACE)).toEqual({ speeds: [HEVC, { ...HEVC, sizeClass: 'sd' }], linkBytesPerSecond: 2e6 })
})

test('what the two ways of a link take from each other is remembered until it is seen anew', () => {
  using opened = open()
  const { ledger } = opened
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 1e6, linkBothRatio: 0.5 })
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 2e6 })
  expect(ledger.recallSpeeds(PLACE)).toMatchObject({ linkBytesPerSecond: 2e6, linkBothRatio: 0.5 })
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 2e6, linkBothRatio: 1 })
  expect(ledger.recallSpeeds(PLACE)).toMatchObject({ linkBothRatio: 1 })
})

test('another host knows nothing of it; another ffmpeg and another version of it know the link alone', () => {
  using opened = open()
  const { ledger } = opened
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 1e6 })
  expect(ledger.recallSpeeds({ ...PLACE, host: 'bob@10.0.0.9:22' })).toEqual(NOTHING)
  expect(ledger.recallSpeeds({ ...PLACE, ffmpegPath: '/opt/ffmpeg' })).toEqual({ speeds: [], linkBytesPerSecond: 1e6 })
  expect(ledger.recallSpeeds({ ...PLACE, ffmpegVersion: '6.0' })).toEqual({ speeds: [], linkBytesPerSecond: 1e6 })
  ledger.rememberSpeed({ ...PLACE, ffmpegVersion: '6.0' }, { speed: HEVC, linkBytesPerSecond: undefined })
  expect(ledger.recallSpeeds(PLACE).speeds).toEqual([])
})

test('speeds that are older than 90 days are not used, and go with the next one that is learned', () => {
  using opened = open()
  const { ledger, clock } = opened
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 1e6 })
  clock.nowMs += 90 * DAY_MS - 1
  expect(ledger.recallSpeeds(PLACE)).toEqual({ speeds: [HEVC], linkBytesPerSecond: 1e6 })
  clock.nowMs += 1
  expect(ledger.recallSpeeds(PLACE)).toEqual(NOTHING)
  ledger.rememberSpeed({ ...PLACE, host: 'other' }, { speed: HEVC, linkBytesPerSecond: undefined })
  clock.nowMs = 0
  expect(ledger.recallSpeeds(PLACE)).toEqual(NOTHING)
})

test('before it is known which ffmpeg a host has now, that one counts which it had last, if it did a job in the last days', () => {
  using opened = open()
  const { ledger, clock } = opened
  expect(ledger.recallLately(PLACE.host)).toBeUndefined()
  ledger.rememberSpeed(PLACE, { speed: HEVC, linkBytesPerSecond: 1e6 })
  clock.nowMs += 1
  ledger.rememberSpeed({ ...PLACE, ffmpegPath: '/opt/ffmpeg' }, { speed: { ...HEVC, workPerSecond: 7 }, linkBytesPerSecond: undefined })
  expect(ledger.recallLately(PLACE.host)).toEqual({ speeds: [{ ...HEVC, workPerSecond: 7 }], linkBytesPerSecond: 1e6 })
  expect(ledger.recallLately(PLACE.host, PLACE.ffmpegPath)).toEqual({ speeds: [HEVC], linkBytesPerSecond: 1e6 })
  expect(ledger.recallLately('bob@10.0.0.9:22')).toBeUndefined()
  clock.nowMs += 7 * DAY_MS - 1
  expect(ledger.recallLately(PLACE.host)).toBeDefined()
  clock.nowMs += 1
  expect(ledger.recallLately(PLACE.host)).toBeUndefined()
})

test('of one host so many kinds of jobs are remembered and no more: the oldest go', () => {
  using opened = open()
  const { ledger, clock } = opened
  const other = { ...PLACE, host: 'other' }
  ledger.rememberSpeed(other, { speed: HEVC, linkBytesPerSecond: undefined })
  for (let profile = 0; profile < 103; profile += 1) {
    clock.nowMs += 1
    ledger.rememberSpeed(PLACE, { speed: { ...HEVC, profile: String(profile) }, linkBytesPerSecond: undefined })
  }
  const left = ledger.recallSpeeds(PLACE).speeds.map(({ profile }) => Number(profile))
  expect(left).toEqual(Array.from({ length: 100 }, (_, index) => index + 3))
  expect(ledger.recallSpeeds(other).speeds).toEqual([HEVC])
})

function open() {
  const temporary = makeTemporaryFolder()
  const clock = { nowMs: 1_000 * DAY_MS, now: () => clock.nowMs }
  const ledger = openLedger({ folder: temporary.path, clock, pid: process.pid })
  return {
    folder: temporary.path,
    clock,
    ledger,
    [Symbol.dispose]() {
      ledger[Symbol.dispose]()
      temporary[Symbol.dispose]()
    },
  }
}
