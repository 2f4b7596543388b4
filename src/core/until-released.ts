/**
 * Windows lets nobody rename or remove a file that a program there holds open, on its own disks and on its shares alike. A virus scanner,
 * an indexer or a preview lets go after a moment; a player does not.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from './errors.ts'

export interface Patience {
  readonly tries: number
  readonly pauseMs: number
}

const FIVE_SECONDS: Patience = { tries: 21, pauseMs: 250 }

/** Does it again for a while as long as it fails for that reason; rejects as it does. */
export async function untilReleased<T>(work: () => Promise<T>, { tries, pauseMs }: Patience = FIVE_SECONDS): Promise<T> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left <= 0 || !isHeldOpen(error)) throw error
      await sleep(pauseMs)
    }
  }
}

/** EBUSY of a share or of Windows itself; ETXTBSY of a share on an older Linux. */
export function isHeldOpen(error: unknown): boolean {
  return ['EBUSY', 'ETXTBSY'].includes(codeOf(error) ?? '')
}
