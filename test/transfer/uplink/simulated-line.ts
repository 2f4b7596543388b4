/** A line under a clock of its own, on which several hosts hang, and transfers that take their turns on it. */

import { createUplink, type Trip } from '../../../src/transfer/uplink/uplink.ts'
import type { createFakeClock } from '../../fixtures/fake-clock.ts'

type FakeClock = ReturnType<typeof createFakeClock>

/** Hosts behind lines of their own, and all behind one: whoever runs gets an equal share, up to what its own line carries. */
export function shareLine(clock: FakeClock, lineBytesPerSecond: number) {
  const uplink = createUplink({ bytesPerSecond: undefined, clock })
  let hosts = 0
  const travellers = new Set<{ ownBytesPerSecond: number; isHeld: boolean; move: (bytes: number) => void }>()
  const stop = new AbortController()
  const stepMs = 50
  async function carry(): Promise<void> {
    for (;;) {
      await clock.sleep(stepMs, stop.signal)
      let left = (lineBytesPerSecond * stepMs) / 1000
      const running = [...travellers].filter(({ isHeld }) => !isHeld).sort((one, other) => one.ownBytesPerSecond - other.ownBytesPerSecond)
      for (const [index, traveller] of running.entries()) {
        const bytes = Math.min(left / (running.length - index), (traveller.ownBytesPerSecond * stepMs) / 1000)
        left -= bytes
        // What stands still tells nothing.
        if (bytes > 0) traveller.move(bytes)
      }
    }
  }
  carry().catch(() => undefined)
  return {
    stop: () => stop.abort(),
    /** Resolves to the time at which all has arrived. */
    send(
      neededAtMs: number,
      sizeBytes: number,
      ownBytesPerSecond = Number.POSITIVE_INFINITY,
      {
        direction = 'to-host',
        host = `host${hosts}`,
        isRead = false,
        linkBytesPerSecond,
      }: Partial<Pick<Trip, 'direction' | 'host' | 'isRead' | 'linkBytesPerSecond'>> = {},
    ) {
      hosts += 1
      const turn = uplink.take({
        ...{ host, direction, hostBytesPerSecond: undefined, linkBytesPerSecond },
        ...{ neededAtMs: () => neededAtMs, sizeBytes, isRead },
      })
      let left = sizeBytes
      let heldMs = 0
      const { promise: arrivedAtMs, resolve } = Promise.withResolvers<number>()
      const traveller = {
        ownBytesPerSecond,
        isHeld: false,
        move(bytes: number) {
          left -= bytes
          turn.count(bytes)
          if (left > 0) return
          travellers.delete(traveller)
          turn.rest()
          resolve(clock.now())
        },
      }
      travellers.add(traveller)
      let sinceMs = 0
      turn.watch((isHeld) => {
        if (traveller.isHeld) heldMs += clock.now() - sinceMs
        sinceMs = clock.now()
        traveller.isHeld = isHeld
      })
      return {
        arrivedAtMs,
        heldMs: () => heldMs,
        movedBytes: () => sizeBytes - left,
        stall: (isStalled: boolean) => turn.stall(isStalled),
        rest: () => turn.rest(),
        slowTo(bytesPerSecond: number) {
          traveller.ownBytesPerSecond = bytesPerSecond
        },
      }
    },
  }
}
