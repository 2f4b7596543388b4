/** What V8 makes of buffers, which lie outside of its heap. */

import { setFlagsFromString } from 'node:v8'

/** Another one may not know the flag, and would say so on stderr. */
const KNOWN_BY = /^13\./

/**
 * By itself V8 goes through its whole heap whenever a few megabytes of buffers may be garbage: a hundred times for each gigabyte that passes through
 * this process, a quarter of what that costs it. From now on they count as the heap does, to one limit.
 */
export function countBuffersWithHeap(v8Version: string): void {
  if (KNOWN_BY.test(v8Version)) setFlagsFromString('--external-memory-accounted-in-global-limit')
}
