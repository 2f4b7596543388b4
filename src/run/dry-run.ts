/** `--dry-run`: every file matched, every host asked, nothing changed anywhere. */

import { toFfmpegArguments } from '../model/plan.ts'
import type { PlannedFile } from '../plan/plan-jobs.ts'
import { createSpeeds } from '../scheduler/speeds.ts'
import { createStrategy } from '../scheduler/strategy.ts'
import { createWorker, isCapable, type Worker } from '../scheduler/worker.ts'
import { createMountedCheck } from './mounted-check.ts'
import { type ProbedHost, probeHosts } from './probe-hosts.ts'
import type { RunRequest, RunWorld } from './run-request.ts'
import type { selectHosts } from './select-hosts.ts'
import { countTotals, EXIT, toExitStatus } from './totals.ts'

export async function dryRun(
  request: RunRequest,
  world: RunWorld,
  files: readonly PlannedFile[],
  hosts: ReturnType<typeof selectHosts>,
): Promise<number> {
  const totals = countTotals(world.emit)
  const plans = files.flatMap((file) => (file.kind === 'job' ? [file.plan] : []))
  const { createHost, signal } = world
  const usable = await probeHosts(hosts, { createHost, signal, emit: totals.emit, checkHost: createMountedCheck(plans) })
  const place = createPlacement(request, usable)
  for (const file of files) {
    if (file.kind === 'skipped') totals.emit('job.skipped', { file: file.file, reason: file.reason })
    else if (file.kind === 'failed') totals.emit('job.failed', { file: file.file, host: null, reason: file.reason, log: null })
    else {
      const { plan } = file
      totals.emit('job.planned', {
        file: plan.source.path,
        cluster: plan.cluster,
        host: place({ cluster: plan.cluster, queue: plan.profile.queue, profile: plan.profile.name }),
        rule: plan.rule ?? null,
        profile: plan.profile.name,
        queue: plan.profile.queue,
        arguments: toFfmpegArguments(plan.arguments, plan.source.path, plan.output),
        output: plan.output,
      })
    }
  }
  if (usable.length === 0 && hosts.size > 0) return signal.aborted ? toExitStatus({ signal, failed: 0, hadNoHost: true }) : EXIT.noHost
  return toExitStatus({ signal, failed: totals.failed, hadNoHost: false })
}

/** The host that would take each job if all took equally long: the same strategy, slots filled round after round. */
function createPlacement(
  request: RunRequest,
  usable: readonly ProbedHost[],
): (job: { readonly cluster: string; readonly queue: string; readonly profile: string }) => string | null {
  const choose = createStrategy(request.strategy, createSpeeds())
  const workers = usable.map(({ cluster, config }): Worker => {
    const worker = createWorker({ cluster, name: config.name, queues: config.queues, profiles: config.profiles })
    worker.state = 'up'
    return worker
  })
  return (job) => {
    const capable = workers.filter((worker) => isCapable(worker, job))
    const roundOf = (worker: Worker) => Math.floor((worker.taken.get(job.queue) ?? 0) / (worker.spec.queues[job.queue] ?? 1))
    const round = Math.min(...capable.map(roundOf))
    const [first, ...rest] = capable.filter((worker) => roundOf(worker) === round)
    if (first === undefined) return null
    const chosen = choose([first, ...rest], { profile: job.profile, work: 1 })
    chosen.taken.set(job.queue, (chosen.taken.get(job.queue) ?? 0) + 1)
    return chosen.spec.name
  }
}
