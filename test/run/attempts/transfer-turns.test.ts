import { expect, test } from 'vitest'
import { createTransferTurns } from '../../../src/run/attempts/transfer-turns.ts'
import type { Trip, Uplink } from '../../../src/transfer/uplink/uplink.ts'

test('a source is needed once its job has its slot, or when the first encode on its host ends; a result a minute later', () => {
  const trips: Trip[] = []
  const clock = { nowMs: 100_000, now: () => clock.nowMs }
  const unused = { isMetered: false, pieceBytes: () => 1, take: async () => undefined, count() {}, stall() {}, rest() {} }
  const turn = { ...unused, watch: () => ({ [Symbol.dispose]() {} }) }
  const uplink: Uplink = {
    take(trip) {
      trips.push(trip)
      return turn
    },
  }
  const turns = createTransferTurns(uplink, clock)
  const slot = { hasSlot: false }
  const on = (key: string, hasSlot: boolean) => turns.begin({ key, config: { rateLimitBytes: 7 }, sourceBytes: 11, slot: { hasSlot } })
  const [long, short] = [on('one', true), on('one', true)]
  const ahead = turns.begin({ key: 'one', config: { rateLimitBytes: 7 }, sourceBytes: 11, slot })
  const elsewhere = on('two', true)
  elsewhere.expectEnd(1)
  ahead.take('fetch')
  long.take('return')
  const [source, result] = trips
  if (source === undefined || result === undefined) throw new Error('There is no trip')
  expect(source).toMatchObject({ host: 'one', hostBytesPerSecond: 7, direction: 'to-host', sizeBytes: 11 })
  expect(result).toMatchObject({ host: 'one', hostBytesPerSecond: 7, direction: 'from-host' })
  expect(result.neededAtMs()).toBe(160_000)

  // Of what has only begun nothing is known.
  expect(source.neededAtMs()).toBe(160_000)
  long.expectEnd(50)
  short.expectEnd(20)
  expect(source.neededAtMs()).toBe(120_000)
  short.end()
  expect(source.neededAtMs()).toBe(150_000)
  // An encode that should have ended has not: nobody waits yet.
  clock.nowMs = 155_000
  expect(source.neededAtMs()).toBe(155_001)
  slot.hasSlot = true
  expect(source.neededAtMs()).toBe(155_000)
  clock.nowMs = 165_000
  expect(source.neededAtMs()).toBe(155_000)
})
