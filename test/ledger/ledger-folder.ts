/** A state folder of a test's own, and ledgers in it: of one controller, or of several. */

import { join } from 'node:path'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import { createPlan } from '../fixtures/job-plan.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

export interface LedgerFolder extends Disposable {
  readonly path: string
  /** Not there before the first ledger is opened. */
  readonly state: string
  /** What the clock of its ledgers says. */
  nowMs: number
  open(): Ledger
  /** With the run `run`, and jobs of these ids in it. */
  openWithRun(...ids: readonly string[]): Ledger
}

export function makeLedgerFolder(): LedgerFolder {
  const folder = makeTemporaryFolder()
  const state = join(folder.path, 'state', 'encode')

  function open(): Ledger {
    return openLedger({ folder: state, clock: { now: () => own.nowMs }, pid: process.pid, busyTimeoutMs: 200 })
  }

  const own: LedgerFolder = {
    path: folder.path,
    state,
    nowMs: 1_800_000_000_000,
    open,
    openWithRun(...ids) {
      const ledger = open()
      ledger.startRun({ id: 'run', argv: ['-c', 'home', 'film.mp4'], clusters: ['home'] })
      ledger.addJobs(
        'run',
        ids.map((id) => createPlan(id, `/media/${id}.mp4`, { rule: 'big', queueFile: '/media/queue.txt' })),
      )
      return ledger
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  }
  return own
}
