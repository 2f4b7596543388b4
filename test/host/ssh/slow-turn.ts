/** A turn that lets ssh2 move so little at a time that a client makes its connection meanwhile, whatever else this machine does. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Turn } from '../../../src/host/turn.ts'

export interface SlowTurn extends Turn {
  /** What another program has moved. */
  countedBytes(): number
  /** Has that program stand still, or go on. */
  hold(isHeld: boolean): void
}

const PIECE_BYTES = 4096
const PIECE_MS = 20

export function createSlowTurn(): SlowTurn {
  let countedBytes = 0
  let onHold: ((isHeld: boolean) => void) | undefined
  return {
    isMetered: false,
    pieceBytes: () => PIECE_BYTES,
    take: async (_bytes, signal) => void (await sleep(PIECE_MS, undefined, { signal })),
    count(bytes) {
      countedBytes += bytes
    },
    watch(listener) {
      onHold = listener
      return { [Symbol.dispose]: () => undefined }
    },
    stall: () => undefined,
    rest: () => undefined,
    countedBytes: () => countedBytes,
    hold: (isHeld) => onHold?.(isHeld),
  }
}
