/**
 * How soon each transfer of a run is needed, for the uplink. A source is waited for from the moment its job has its slot; one that is
 * fetched ahead is when the first of the encodes under way on its host ends. A result nobody waits for, but it takes up a disk.
 */

import type { Clock } from '../../core/clock.ts'
import type { Turn } from '../../host/turn.ts'
import type { HostConfig } from '../../model/config.ts'
import type { Uplink } from '../../transfer/uplink/uplink.ts'

export interface TransferTurns {
  /** For one attempt on a host; `key` is the host's own over all clusters. */
  begin(attempt: TurnRequest): AttemptTurns
}

export interface TurnRequest {
  readonly key: string
  readonly config: Pick<HostConfig, 'rateLimitBytes'>
  /** Of the host's link, one way, where it is known beforehand. */
  readonly linkBytesPerSecond?: number | undefined
  readonly sourceBytes: number
  /** Has its slot by now. */
  readonly slot: { readonly hasSlot: boolean }
}

export interface AttemptTurns {
  /** For the source, for what of it is read while it comes, or for the result; `sizeBytes` where it is known by then. */
  take(what: 'fetch' | 'arrive' | 'return', sizeBytes?: number): Turn
  /** Its encode is expected to end so soon. */
  expectEnd(leftSeconds: number): void
  /** It encodes no more. */
  end(): void
}

/** A source that is needed sooner than this goes before a result. */
const RESULT_PATIENCE_MS = 60_000

export function createTransferTurns(uplink: Uplink, clock: Pick<Clock, 'now'>): TransferTurns {
  /** When encodes end, by host. */
  const hosts = new Map<string, Map<AttemptTurns, number>>()

  return {
    begin({ key, config, linkBytesPerSecond, sourceBytes, slot }) {
      const ends = hosts.get(key) ?? new Map<AttemptTurns, number>()
      hosts.set(key, ends)
      const turns: AttemptTurns = {
        take(what, sizeBytes) {
          const beganMs = clock.now()
          let dryMs: number | undefined
          function sourceNeededAtMs(): number {
            // One that is free for a moment may be another job's in the next.
            dryMs = slot.hasSlot ? (dryMs ?? clock.now()) : undefined
            // An encode of which nothing is known yet has only begun; one that should have ended has not, or there would be a slot.
            return dryMs ?? Math.max(clock.now() + 1, Math.min(beganMs + RESULT_PATIENCE_MS, ...ends.values()))
          }
          return uplink.take({
            host: key,
            hostBytesPerSecond: config.rateLimitBytes,
            linkBytesPerSecond,
            direction: what === 'return' ? 'from-host' : 'to-host',
            neededAtMs: what === 'return' ? () => beganMs + RESULT_PATIENCE_MS : sourceNeededAtMs,
            sizeBytes: what === 'fetch' ? sourceBytes : sizeBytes,
            isRead: what === 'arrive',
          })
        },
        expectEnd(leftSeconds) {
          ends.set(turns, clock.now() + leftSeconds * 1000)
        },
        end() {
          ends.delete(turns)
        },
      }
      return turns
    },
  }
}
