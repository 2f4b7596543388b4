/**
 * How one job's media reaches its host and comes back: the source as the host reads it, the result as the host writes it,
 * and the way of each. Three routes: `local-route.ts`, `mounted-route.ts`, `streaming-route.ts`.
 */

import type { Growth, Host, TransferOptions } from '../host/host.ts'
import type { JobPlan } from '../model/plan.ts'
import type { ArrivingSource, SourceBeginning } from './arriving-source.ts'

/**
 * Waits until a host that was lost is open again, and has it take over files that a transfer was busy with: each into the new work folder,
 * under its own name, where they can be relied on. Rejects with HOST_LOST when it does not come back in time.
 */
export type Reconnect = (files: readonly string[]) => Promise<void>

export interface RouteRequest {
  readonly plan: JobPlan
  /** Each attempt has work files of its own: two of them may be under way, on hosts that are one machine. */
  readonly attempt: number
  readonly host: Host
  /** The run's own folder on the host, made at the first call; another one after `reconnect`. */
  readonly workFolder: () => Promise<string>
  /** Without it a host that is lost stays lost. */
  readonly reconnect?: Reconnect | undefined
  /** Where the result must stand on the controller before it is verified: in the folder of the final name, under a name of ours. */
  readonly temporary: string
  /** Fast local storage for work files (`fls_path`). */
  readonly flsPath: string | undefined
  readonly signal: AbortSignal
  /** Told of each file before it is made; forgotten when it is gone. */
  readonly files: FileJournal
}

/** Keeps the names of files that exist because of a job, so that somebody can remove them if this controller can not. */
export interface FileJournal {
  note(place: 'controller' | 'host', path: string): Promise<void>
  forget(place: 'controller' | 'host', path: string): Promise<void>
}

/** For removing work files: a host that takes longer is not waited for, its guard removes them. */
export const CLEAN_UP_TIMEOUT_MS = 5_000

export interface MediaRoute {
  /** Paths in the host's own form; others after a transfer that found the host in another work folder. */
  readonly hostSource: string
  readonly hostResult: string
  /** Makes the source readable on the host; undefined where it is already. Resolves to nothing until it really is. Rejects with `TransferCut` where it was cut. */
  readonly fetch: ((options: TransferOptions) => Promise<void>) | undefined
  /**
   * Instead of `fetch`, or of the rest of one that was cut: has the host read the source while it travels. Rejects with `ArrivalUnfit` where it
   * must be fetched.
   */
  readonly arrive?:
    | ((options: Pick<TransferOptions, 'onBytes' | 'turn'>, beginning?: SourceBeginning) => Promise<ArrivingSource>)
    | undefined
  /** Brings the result to `temporary`; undefined where ffmpeg wrote it there. */
  readonly bringBack: ((options: TransferOptions) => Promise<void>) | undefined
  /** Instead of `bringBack`, begun while the host still writes the result. As `Host.followFile`. */
  readonly follow?: ((growth: Growth, options: TransferOptions) => Promise<void>) | undefined
  /**
   * Removes every work file of this job but `temporary`. Never rejects for what is already gone.
   * `isResultPlaced`: `temporary` held the whole result and bears its final name now.
   */
  cleanUp(options?: { readonly isResultPlaced?: boolean }): Promise<void>
}
