/** Names for runs and jobs: sortable by time, safe in file names on every platform, not guessable by accident. */

import { randomBytes } from 'node:crypto'

/** `20261121-105500-k3f9x2` (UTC). */
export function createRunId(nowMs: number): string {
  const [day = '', time = ''] = new Date(nowMs).toISOString().slice(0, 19).split('T')
  const random = randomBytes(4).readUInt32BE().toString(36).padStart(7, '0').slice(-6)
  return `${day.replaceAll('-', '')}-${time.replaceAll(':', '')}-${random}`
}

/** `20261121-105500-k3f9x2-17`; `number` counts the jobs of the run. */
export function toJobId(runId: string, number: number): string {
  return `${runId}-${number}`
}
