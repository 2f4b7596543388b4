/** What this process takes of its machine, as the kernel counts it (Linux). */

import { readdirSync, readFileSync } from 'node:fs'

export interface Measurement {
  readonly descriptors: number
  readonly heapBytes: number
  readonly residentBytes: number
}

export function measure(): Measurement {
  const { heapUsed, rss } = process.memoryUsage()
  return { descriptors: countDescriptors(), heapBytes: heapUsed, residentBytes: rss }
}

/** Less the one that reads the folder. */
export function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1
}

/** The most memory that was ever resident. */
export function readPeakBytes(): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

/** What is in use and not waiting for its collection; needs `node --expose-gc`. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('Run it with node --expose-gc')
  globalThis.gc()
}
