/**
 * Watches the configuration file of a run by looking at it: that works over network filesystems, symbolic links and editors that
 * put a new file in the old one's place, where notifications do not. A file that is just being written is left alone until it rests.
 */

import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Clock } from '../../core/clock.ts'
import { describeError } from '../../core/errors.ts'
import type { Config } from '../../model/config.ts'

export interface ConfigSource {
  readonly file: string
  /** Rejects with CONFIG_INVALID. */
  readonly load: () => Promise<Config>
  /** Calls back when the file shall be read at once (SIGHUP). */
  readonly onDemand: (listener: () => void) => Disposable
}

export interface ConfigWatchOptions {
  readonly source: ConfigSource
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onRead: (config: Config, isOnDemand: boolean) => void
  /** Says once what is wrong with each new file. */
  readonly onInvalid: (reason: string) => void
  readonly lookEveryMs?: number
}

const LOOK_EVERY_MS = 2_000
/** A file that two looks find the same rests. */
const REST_MS = 250

/** Resolves when the signal is aborted. The file is read at the beginning, too: it may have changed since the run was called. */
export async function watchConfig({
  source,
  clock,
  signal,
  onRead,
  onInvalid,
  lookEveryMs = LOOK_EVERY_MS,
}: ConfigWatchOptions): Promise<void> {
  let isDemanded = false
  let demand = new AbortController()
  using _listening = source.onDemand(() => {
    isDemanded = true
    demand.abort()
  })
  let known: string | undefined
  // What a shell makes of `-y <(…)` can be read once.
  if (!(await isOrdinaryFile(source.file))) return
  while (!signal.aborted) {
    const found = await look(source.file)
    if (found !== known || isDemanded) {
      const wasDemanded = isDemanded
      isDemanded = false
      known = await readAtRest(found, wasDemanded)
    }
    demand = new AbortController()
    if (!isDemanded) await clock.sleep(lookEveryMs, AbortSignal.any([signal, demand.signal])).catch(() => {})
  }

  /** Gives the look that was read; undefined when the file is not at rest: then it is looked at again. */
  async function readAtRest(found: string, isOnDemand: boolean): Promise<string | undefined> {
    await clock.sleep(REST_MS, signal).catch(() => {})
    if (signal.aborted) return undefined
    if ((await look(source.file)) !== found) {
      isDemanded ||= isOnDemand
      return undefined
    }
    let told: () => void
    try {
      const config = await source.load()
      told = () => onRead(config, isOnDemand)
    } catch (error) {
      // The first of its problems, without the lines that show it.
      const [reason = ''] = describeError(error).split('\n', 1)
      told = () => onInvalid(reason)
    }
    // What changed while it was read may be half of it.
    if ((await look(source.file)) !== found) {
      isDemanded ||= isOnDemand
      return undefined
    }
    if (!signal.aborted) told()
    return found
  }
}

async function isOrdinaryFile(file: string): Promise<boolean> {
  return await stat(file).then(
    (stats) => stats.isFile(),
    () => true,
  )
}

/** What differs when anything about the file does. */
async function look(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    return describeError(error)
  }
}
