/** What a result will lack, or hold in another form than its source: said before anything is encoded. */

import type { Emit } from '../model/events.ts'
import type { JobPlan } from '../model/plan.ts'

export function warnOfStreams({ source, warnings = [] }: JobPlan, emit: Emit): void {
  for (const warning of warnings) emit('warning', { message: `${source.path}: ${warning}` })
}
