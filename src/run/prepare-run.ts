/** What a run is made of before anything is written down: its hosts, its targets, and who plans them. */

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { createRunId, toJobId } from '../core/ids.ts'
import type { ProbeMemory } from '../ledger/probe-memory.ts'
import type { QueueEntry } from '../ledger/queue-line.ts'
import type { Config } from '../model/config.ts'
import { createFfprobe, type Ffprobe, findFfprobeProgram } from '../plan/ffprobe.ts'
import { findSources } from '../plan/find-sources.ts'
import { createPacedFfprobe, type Pace } from '../plan/paced-ffprobe.ts'
import { createPlanner } from '../plan/plan-jobs.ts'
import type { PlanOptions } from '../plan/plan-options.ts'
import type { PlanStream } from '../plan/plan-stream.ts'
import type { PlannedFile } from '../plan/planned-file.ts'
import { createRememberingFfprobe } from '../plan/remembering-ffprobe.ts'
import type { Target } from '../plan/target.ts'
import type { HostsByCluster } from './hosts/change-hosts.ts'
import { selectHostsAgain } from './hosts/follow-config.ts'
import { selectHosts } from './hosts/select-hosts.ts'
import type { PlanTargets } from './intake/planned-intake.ts'
import { toQueueTargets, toRefusedFiles } from './intake/queue-targets.ts'
import { refuseWithoutProfile } from './refuse-without-profile.ts'
import type { RunRequest, RunWorld } from './run-request.ts'

/** Disposed of, what was found out of files is remembered. */
export interface PreparedRun extends AsyncDisposable {
  readonly runId: string
  readonly hosts: HostsByCluster
  readonly selectAgain: (config: Config) => HostsByCluster
  readonly ffprobe: Ffprobe
  /** What the request names and what stands in its queue file. */
  readonly targets: readonly Target[]
  /** Lines that can be no path. */
  readonly refused: readonly PlannedFile[]
  /** Finds all files, and begins to plan them. */
  readonly openPlans: () => Promise<PlanStream>
  readonly planTargets: PlanTargets
  /** Of looks at files that ffprobe must be asked about. */
  readonly setPace: (pace: Pace) => void
}

/** What is known before any file is looked into. */
interface KnownBefore extends Pick<PlanOptions, 'findResult'> {
  /** Of the queue file. */
  readonly entries: readonly QueueEntry[]
  readonly memory: ProbeMemory
}

/** Rejects with USAGE_INVALID for what is wrong with the whole call. */
export async function prepareRun(request: RunRequest, world: RunWorld, known: KnownBefore): Promise<PreparedRun> {
  const { config } = request
  const { entries, memory, findResult } = known
  const targets = [...request.targets, ...toQueueTargets(entries, request)]
  const clusters = [...targets, ...(request.queueFile === undefined ? [] : [request.queueTarget])].map((target) => target.cluster)
  const hosts = selectHosts(config, clusters, request.onlyHosts)
  const selectAgain = (changed: Config): HostsByCluster => selectHostsAgain(changed, clusters, request.onlyHosts)
  await refuseWithoutProfile(config, targets, world.cwd)
  const runId = createRunId(world.clock.now())
  const program = findFfprobeProgram(config)
  const ffprobe = world.ffprobe ?? createFfprobe(program)
  const looking = createPacedFfprobe(ffprobe, { processors: availableParallelism() })
  // Files that are only being looked for are not under way.
  const signal = world.draining === undefined ? world.signal : AbortSignal.any([world.signal, world.draining])
  const remembering = createRememberingFfprobe(looking, {
    memory,
    program,
    now: () => world.clock.now(),
    signal,
    isExpected: targets[0] !== undefined && memory.knowsBelow(resolve(world.cwd, targets[0].path)),
    ask: ffprobe.read,
  })
  const planner = createPlanner({
    config,
    // What was handed in is somebody's own.
    ffprobe: world.ffprobe ?? remembering,
    outputFolder: request.outputFolder,
    keepsSource: request.keepsSource,
    overwrites: request.overwrites,
    verify: request.verify,
    findResult,
    hosts,
    signal,
    toJobId: (number) => toJobId(runId, number),
  })
  const onEmpty = ({ path }: Target) => world.emit('warning', { message: `There is no media file in "${path}"` })
  const find = (wanted: readonly Target[]) =>
    Array.fromAsync(findSources(wanted, world.cwd, { signal, omit: request.outputFolder, onEmpty }))
  const planTargets: PlanTargets = async (wanted) => await planner.plan(await find(wanted))
  // Draining ends none of this once the run has begun: what was asked for and not started is queued, for `encode resume`.
  const openPlans = async () => await planner.stream(await find(targets), world.signal)
  return {
    runId,
    hosts,
    selectAgain,
    ffprobe,
    targets,
    refused: toRefusedFiles(entries, request),
    openPlans,
    planTargets,
    setPace: looking.setPace,
    [Symbol.asyncDispose]: () => remembering.kept(),
  }
}
