/** A small machine that its configuration has do several jobs at a time: what a person wrote counts, and is worth a word. */

import { toVisible } from '../../core/text.ts'
import { formatBytes } from '../../core/units.ts'
import { isSmallMachine } from '../../host/facts/small-machine.ts'
import type { HostFacts } from '../../host/host.ts'
import type { HostConfig } from '../../model/config.ts'

export function describeOverload(
  { name, queues, maxJobs, hasAutoQueues = false }: Pick<HostConfig, 'name' | 'queues' | 'maxJobs' | 'hasAutoQueues'>,
  { cores, memoryBytes }: Pick<HostFacts, 'cores' | 'memoryBytes'>,
): string | undefined {
  // `queues: auto` gives such a machine one job by itself.
  const slots = hasAutoQueues ? 1 : Object.values(queues).reduce((sum, count) => sum + count, 0)
  const jobs = maxJobs ?? slots
  if (jobs <= 1 || !isSmallMachine({ cores, memoryBytes })) return undefined
  const memory = memoryBytes === undefined ? '' : ` and ${formatBytes(memoryBytes)} of memory`
  const machine = `${cores} ${cores === 1 ? 'core' : 'cores'}${memory}`
  return `Host "${toVisible(name)}" has ${machine}, and is to do ${jobs} jobs at a time: set "max_jobs: 1" if it becomes slow`
}
