/**
 * Hosts that were up lately and are being opened. For a few seconds a job may be left for one of them, as for a host that is busy; if it
 * does not come, these seconds are all that is lost.
 */

import type { Clock } from '../core/clock.ts'
import type { KnownLink, KnownSpeed, Speeds } from './speeds.ts'
import { isComing, type Worker } from './worker.ts'

export interface Coming {
  /** For so long it is counted with, unless it is up or gone before. */
  readonly withinMs: number
  /** As they were then; what is known once it is up counts more. */
  readonly speeds: readonly KnownSpeed[]
  readonly links: readonly KnownLink[]
}

export interface ComingOptions {
  readonly workers: ReadonlyMap<string, Worker>
  readonly speeds: Pick<Speeds, 'expect' | 'expectLink'>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One is counted with no longer. */
  readonly onLate: () => void
}

export interface ComingHosts {
  add(worker: Worker, coming: Coming): void
  isAny(): boolean
}

export function createComing({ workers, speeds, clock, signal, onLate }: ComingOptions): ComingHosts {
  async function waitFor(worker: Worker, withinMs: number): Promise<void> {
    await clock.sleep(withinMs, signal).catch(() => {})
    if (signal.aborted || worker.comingUntilMs === undefined) return
    worker.comingUntilMs = undefined
    onLate()
  }

  return {
    add(worker, { withinMs, ...known }) {
      for (const speed of known.speeds) speeds.expect(speed, speed, speed.workPerSecond)
      for (const link of known.links) speeds.expectLink(link, link.bytesPerSecond, link.bothRatio)
      worker.comingUntilMs = clock.now() + withinMs
      void waitFor(worker, withinMs)
    },
    isAny: () => [...workers.values()].some((worker) => isComing(worker, clock.now())),
  }
}
