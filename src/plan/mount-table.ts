/**
 * What is mounted on this machine, asked for each file that is planned: read once a second, however many files that are.
 * What is mounted meanwhile shows in the end, since no rename replaces it.
 */

import { readFile } from 'node:fs/promises'

export interface MountTable {
  /** False for all where the system has no such table (macOS, Windows). */
  isMountPoint(path: string): Promise<boolean>
}

export function createMountTable(file = '/proc/self/mountinfo'): MountTable {
  let known: { readonly readMs: number; readonly points: Promise<ReadonlySet<string>> } | undefined
  return {
    async isMountPoint(path) {
      const nowMs = performance.now()
      if (known === undefined || nowMs - known.readMs > AGE_MS) known = { readMs: nowMs, points: readMountPoints(file) }
      return (await known.points).has(Buffer.from(path).toString('latin1'))
    },
  }
}

const AGE_MS = 1_000

/** proc_pid_mountinfo(5): the fifth field is where something is mounted, with spaces and the like as octal numbers. Bytes as Latin-1. */
async function readMountPoints(file: string): Promise<ReadonlySet<string>> {
  const lines = (await readFile(file, 'latin1').catch(() => '')).split('\n')
  return new Set(
    lines.flatMap((line) => {
      const point = line.split(' ')[4]
      return point === undefined
        ? []
        : [point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))]
    }),
  )
}
