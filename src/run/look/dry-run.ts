/** `--dry-run`: every file matched, every host asked, nothing changed anywhere. */

import { readTrials, type TrialPlace } from '../../ledger/encoder-trials.ts'
import { readFinishedSizes } from '../../ledger/finished-jobs.ts'
import type { Emit } from '../../model/events.ts'
import { type JobPlan, toFfmpegArguments } from '../../model/plan.ts'
import type { PlannedFile } from '../../plan/planned-file.ts'
import type { Lack } from '../../scheduler/room.ts'
import { createAbilities } from '../encoders/abilities.ts'
import { EXIT, toExitStatus } from '../exit-status.ts'
import { createMountedCheck } from '../hosts/mounted-check.ts'
import type { selectHosts } from '../hosts/select-hosts.ts'
import type { RunRequest, RunWorld } from '../run-request.ts'
import { createLookAhead, type SeenHost } from '../space/look-ahead.ts'
import { MIN_FREE_BYTES } from '../space/run-space.ts'
import { toTicket, withForm } from '../to-ticket.ts'
import { countTotals } from '../totals.ts'
import { warnOfStreams } from '../warn-of-streams.ts'
import { createPlacement, type Place } from './placement.ts'
import { probeHosts } from './probe-hosts.ts'

export async function dryRun(
  request: RunRequest,
  world: RunWorld,
  files: readonly PlannedFile[],
  hosts: ReturnType<typeof selectHosts>,
): Promise<number> {
  const totals = countTotals(world.emit)
  const plans = files.flatMap((file) => (file.kind === 'job' ? [file.plan] : []))
  const { createHost, signal, clock } = world
  const memory = {
    recallTrials: (place: TrialPlace) => readTrials(world.stateFolder, place, world.warner),
    rememberTrials: () => {},
  }
  const abilities = createAbilities({ memory, now: () => clock.now(), signal })
  abilities.want(plans)
  const { emit } = totals
  const seen = new Map<string, SeenHost>()
  const usable = await probeHosts(hosts, {
    createHost,
    signal,
    emit,
    checkHost: createMountedCheck(plans),
    async learn(cluster, host, facts) {
      seen.set(JSON.stringify([cluster, host.config.name]), { config: host.config, facts })
      await abilities.learn(cluster, host, facts)
    },
  })
  const specs = usable.map(({ cluster, config }) => abilities.toSpec(cluster, config))
  const place = createPlacement(request.strategy, specs)
  const lookAhead = createLookAhead({
    seenHost: ({ cluster, name }) => seen.get(JSON.stringify([cluster, name])),
    finishedSizes: (profile, limit) => readFinishedSizes({ folder: world.stateFolder, warner: world.warner }, profile, limit),
    flsPath: request.config.flsPath,
    minFreeBytes: request.config.minFreeBytes ?? MIN_FREE_BYTES,
    clock,
    signal,
  })
  let hostless = 0
  for (const file of files) {
    if (file.kind === 'skipped') totals.emit('job.skipped', { file: file.file, reason: file.reason })
    else if (file.kind === 'failed') totals.emit('job.failed', { file: file.file, host: null, reason: file.reason, log: null })
    else {
      const here = specs.filter(({ cluster }) => cluster === file.plan.cluster)
      const lacks = await lookAhead(file.plan, here)
      const placed = place(toTicket(file.plan), lacks)
      if (placed.kind === 'nobody') hostless += 1
      tellPlan(file.plan, placed, emit)
      if (lacks.size > 0 && lacks.size === here.length) emit('warning', { message: describeLacks(file.plan, lacks) })
    }
  }
  if (usable.length === 0 && hosts.size > 0) return signal.aborted ? toExitStatus({ signal, failed: 0, hadNoHost: true }) : EXIT.noHost
  // As a run would end now.
  return toExitStatus({ signal, failed: totals.failed + hostless, hadNoHost: false })
}

function describeLacks({ source }: JobPlan, lacks: ReadonlyMap<unknown, Lack>): string {
  const said = new Set([...lacks.values()].map((lack) => lack.said))
  return `There is no room for "${source.path}" now: ${[...said].join('; ')}`
}

function tellPlan(plan: JobPlan, placed: Place, emit: Emit): void {
  const file = plan.source.path
  if (placed.kind === 'unable') {
    emit('job.failed', { file, host: null, reason: placed.reason, log: null })
    return
  }
  const { arguments: chosen } = placed.kind === 'host' ? withForm(plan, placed.form) : plan
  emit('job.planned', {
    file,
    cluster: plan.cluster,
    host: placed.kind === 'host' ? placed.host : null,
    rule: plan.rule ?? null,
    profile: plan.profile.name,
    queue: placed.kind === 'host' ? placed.queue : plan.profile.queue,
    arguments: toFfmpegArguments(chosen, file, plan.output),
    output: plan.output,
  })
  warnOfStreams(plan, emit)
}
