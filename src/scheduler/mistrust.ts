/**
 * How far estimates are to be mistrusted: by what they turned out to be wrong by in this run, and by as much as was ever of use while
 * little is known. Where one file takes as long as its length says, hosts can be filled to the finish line.
 */

import type { Worker } from './worker.ts'

export interface Mistrust {
  /** A job took so long on a host, and was expected to take so long. The first one there tells how fast the host is, and nothing else. */
  note(worker: Worker, seconds: number, expectedSeconds: number): void
  /** The share by which a job may take longer than expected without becoming the last one to end. */
  readonly margin: number
}

/**
 * Found by simulation (bench/simulate-placement.ts): where estimates are up to a fifth off, which is a root mean square of 0.12, a tenth is
 * too little, and more than 0.15 leaves hosts idle. Less than 0.03 gains nothing.
 */
const [LEAST, MOST] = [0.03, 0.15]
const MARGINS_A_DEVIATION = 1.25
const FIRST_DEVIATION = 0.12

/** So many jobs count as much as what was thought before. */
const FIRST_JOBS = 10

export function createMistrust(): Mistrust {
  const seen = new WeakSet<Worker>()
  let jobs = FIRST_JOBS
  let squares = FIRST_JOBS * FIRST_DEVIATION ** 2
  return {
    note(worker, seconds, expectedSeconds) {
      const isFirst = !seen.has(worker)
      seen.add(worker)
      const square = (seconds / expectedSeconds - 1) ** 2
      if (isFirst || !Number.isFinite(square)) return
      jobs += 1
      squares += square
    },
    get margin() {
      return Math.min(MOST, Math.max(LEAST, MARGINS_A_DEVIATION * Math.sqrt(squares / jobs)))
    },
  }
}
