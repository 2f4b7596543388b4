/** How a job ended: first for the ledger, then for the world. */

import { savedPercent } from '../../core/units.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Emit } from '../../model/events.ts'
import type { JobOutcome } from '../../model/outcome.ts'
import type { JobPlan } from '../../model/plan.ts'

export interface SettledJob {
  readonly plan: JobPlan
  readonly outcome: Exclude<JobOutcome, { kind: 'interrupted' }>
  /** The host that tried it last; undefined where none could. */
  readonly hostName: string | undefined
}

export function recordOutcome({ plan, outcome, hostName }: SettledJob, ledger: Ledger, emit: Emit): void {
  const file = plan.source.path
  const host = hostName === undefined ? {} : { host: hostName }
  if (outcome.kind === 'done') {
    const { outputBytes, seconds } = outcome
    ledger.setState(plan.id, 'done', { ...host, outputBytes })
    emit('job.done', {
      job: plan.id,
      file,
      host: hostName ?? '',
      output: plan.output,
      seconds,
      source_bytes: plan.source.sizeBytes,
      output_bytes: outputBytes,
      saved_percent: savedPercent(plan.source.sizeBytes, outputBytes),
    })
  } else if (outcome.kind === 'skipped') {
    ledger.setState(plan.id, 'skipped', { ...host, reason: outcome.reason })
    emit('job.skipped', { job: plan.id, file, reason: outcome.reason })
  } else {
    const { reason, log } = outcome
    ledger.setState(plan.id, 'failed', { ...host, reason, log })
    emit('job.failed', { job: plan.id, file, host: hostName ?? null, reason, log })
  }
}
