/** A turn that lets ssh2 move so little at a time that a client makes its connection meanwhile, whatever else this machine does. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Turn } from '../../../src/host/turn.ts'

export interface SlowTurn extends Turn {
  /** What another program has moved. */
  countedBytes(): number
  /** Resolves once that program moves bytes; with `holds` it stands still from then on. */
  readonly handedOver: Promise<void>
  /** As fast as bytes can, from now on; nothing stands still any more. */
  hurry(): void
}

export interface SlowTurnOptions {
  readonly holds?: boolean
}

const PIECE_BYTES = 4096
const PIECE_MS = 20

export function createSlowTurn({ holds = false }: SlowTurnOptions = {}): SlowTurn {
  const handedOver = Promise.withResolvers<void>()
  const hurry = new AbortController()
  let countedBytes = 0
  let isSlow = true
  let release: (() => void) | undefined
  return {
    isMetered: false,
    pieceBytes: () => (isSlow ? PIECE_BYTES : Number.POSITIVE_INFINITY),
    // What comes in larger pieces takes as much longer.
    async take(bytes, signal) {
      if (!isSlow) return
      const either = signal === undefined ? hurry.signal : AbortSignal.any([signal, hurry.signal])
      await sleep((bytes / PIECE_BYTES) * PIECE_MS, undefined, { signal: either }).catch((error: unknown) => {
        if (isSlow) throw error
      })
    },
    count(bytes) {
      countedBytes += bytes
    },
    watch(onHold) {
      onHold(holds && isSlow)
      release = () => onHold(false)
      handedOver.resolve()
      return { [Symbol.dispose]: () => undefined }
    },
    stall: () => undefined,
    rest: () => undefined,
    countedBytes: () => countedBytes,
    handedOver: handedOver.promise,
    hurry() {
      isSlow = false
      hurry.abort()
      release?.()
    },
  }
}
