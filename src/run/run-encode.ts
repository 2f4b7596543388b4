/** One run, from targets to exit status. */

import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { EncodeError } from '../core/errors.ts'
import { createRunId, toJobId } from '../core/ids.ts'
import { toVisible } from '../core/text.ts'
import { untilAborted } from '../core/until-aborted.ts'
import { openLedger } from '../ledger/ledger.ts'
import { openProbeMemory, type ProbeMemory } from '../ledger/probe-memory.ts'
import { openQueueFile, readQueueFile } from '../ledger/queue-file.ts'
import type { QueueEntry } from '../ledger/queue-line.ts'
import type { Config, HostConfig } from '../model/config.ts'
import { findSimilar, hasGlobMarks } from '../plan/describe-missing.ts'
import { createFfprobe, type Ffprobe, findFfprobeProgram } from '../plan/ffprobe.ts'
import { findSources } from '../plan/find-sources.ts'
import { createPacedFfprobe, type Pace } from '../plan/paced-ffprobe.ts'
import { createPlanner } from '../plan/plan-jobs.ts'
import type { PlanStream } from '../plan/plan-stream.ts'
import type { PlannedFile } from '../plan/planned-file.ts'
import { createRememberingFfprobe } from '../plan/remembering-ffprobe.ts'
import type { Target } from '../plan/target.ts'
import { type EndedReplacement, endReplacements } from './end-replacements.ts'
import { toExitStatus } from './exit-status.ts'
import type { HostsByCluster } from './hosts/change-hosts.ts'
import { createFfmpegMemory } from './hosts/ffmpeg-memory.ts'
import { selectHostsAgain } from './hosts/follow-config.ts'
import { selectHosts } from './hosts/select-hosts.ts'
import { createLookPace } from './intake/look-pace.ts'
import { createPlannedIntake, type PlanTargets } from './intake/planned-intake.ts'
import { toQueueTargets, toRefusedFiles } from './intake/queue-targets.ts'
import { dryRun } from './look/dry-run.ts'
import { openAhead } from './open-ahead.ts'
import { recordRun } from './record-run.ts'
import type { RunRequest, RunWorld } from './run-request.ts'

/** Resolves to the exit status. Rejects with USAGE_INVALID or CONFIG_INVALID when nothing was started. */
export async function runEncode(request: RunRequest, world: RunWorld): Promise<number> {
  try {
    return request.isDryRun ? await showRun(request, world) : await startRun(request, world)
  } catch (error) {
    // Told to end while it looked for files: nothing was started.
    if (error === world.signal.reason || error === world.draining?.reason) {
      if (!world.signal.aborted) world.emit('warning', { message: 'Drained while it looked for files: nothing was started' })
      return toExitStatus({ signal: world.signal, failed: 0, hadNoHost: false })
    }
    throw error
  }
}

async function showRun(request: RunRequest, world: RunWorld): Promise<number> {
  const entries = request.queueFile === undefined ? [] : await readQueueFile(request.queueFile, { cwd: world.cwd })
  using memory = openMemory(world, true)
  await using prepared = await prepare(request, world, entries, memory)
  const { hosts, targets, refused, planTargets } = prepared
  await using ahead = openAhead([...hosts.values()].flat(), { ...world, how: () => ({ changesNothing: true }) })
  const { createHost } = ahead
  return await dryRun(request, { ...world, createHost }, [...refused, ...(await planTargets(targets))], hosts)
}

async function startRun(request: RunRequest, world: RunWorld): Promise<number> {
  const { cwd, clock, pid, warner } = world
  await using queue = request.queueFile === undefined ? undefined : await openQueueFile(request.queueFile, { cwd, clock, pid })
  using memory = openMemory(world, false)
  await using prepared = await prepare(request, world, queue?.entries ?? [], memory)
  const { runId, hosts, selectAgain, ffprobe, targets, refused, openPlans, planTargets, setPace } = prepared
  using ledger = openLedger({ folder: world.stateFolder, clock, pid, warner })
  for (const ended of await endReplacements(ledger, ledger.deadRuns())) world.emit('warning', { message: describeEnded(ended) })
  // Where nothing is found, there is nothing to open hosts for. What is found may turn out to be no work, but mostly does not.
  const all = [...hosts.values()].flat()
  const encodesHere = all.some(({ type }) => type === 'local')
  // Handshakes want a processor, too.
  if (!encodesHere) setPace('beside')
  await using ahead = openAhead((await isThere(targets[0], cwd)) ? all : [], { ...world, how: createFfmpegMemory(ledger).recall })
  await using rest = await openPlans()
  if (rest.leftSources().length > 0) ahead.add(all)
  const files = [...refused, ...(await takeFirst(rest, world))]
  using pace = createLookPace({ ...world, setPace, slots: countSlots(all), encodesHere })
  const intake = createPlannedIntake({ request, world, ledger, runId, files, rest, queue, planTargets })
  const { createHost } = ahead
  const { emit } = pace
  return await recordRun({ request, world: { ...world, emit, createHost }, ledger, runId, hosts, ffprobe, intake, selectAgain })
}

/** Disposed of, what was found out of files is remembered. */
interface PreparedRun extends AsyncDisposable {
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

/** Rejects with USAGE_INVALID for what is wrong with the whole call. */
async function prepare(request: RunRequest, world: RunWorld, entries: readonly QueueEntry[], memory: ProbeMemory): Promise<PreparedRun> {
  const { config } = request
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

/** So many files are planned before the run begins: short lists as a whole. */
const FIRST_LOT = 8
/** A file on a sleeping disk does not hold up those that are known by then. */
const FIRST_LOT_MS = 100

/** At least one job, if there is one at all. */
async function takeFirst(rest: PlanStream, { clock, signal, draining }: RunWorld): Promise<readonly PlannedFile[]> {
  const taken = new AbortController()
  const isShort = rest.leftCount <= FIRST_LOT
  const patience = isShort ? undefined : clock.sleep(FIRST_LOT_MS, AbortSignal.any([signal, taken.signal])).catch(() => {})
  const files: PlannedFile[] = []
  try {
    while (rest.leftCount > 0 && !files.some(({ kind }) => kind === 'job')) {
      files.push(...(await untilAborted(rest.next(isShort ? rest.leftCount : FIRST_LOT, patience), draining)))
    }
  } finally {
    taken.abort()
  }
  draining?.throwIfAborted()
  return files
}

/** Jobs that hosts can have under way; those that find out by themselves how many count as two. */
function countSlots(hosts: readonly HostConfig[]): number {
  const counts = hosts.map(({ queues, hasAutoQueues }) =>
    hasAutoQueues === true ? 2 : Object.values(queues).reduce((sum, slots) => sum + slots, 0),
  )
  return counts.reduce((sum, slots) => sum + slots, 0)
}

function openMemory({ stateFolder, clock, warner }: RunWorld, isReadOnly: boolean): ProbeMemory {
  return openProbeMemory({ folder: stateFolder, clock, warner, isReadOnly })
}

function describeEnded({ job, failure }: EndedReplacement): string {
  return failure ?? `The controller of run ${job.runId} died while it replaced "${job.source}"; now "${job.output}" stands in its place`
}

/** Without rules only a name on the command line can choose: said once, not file by file, and not of a path that leads to nothing. */
async function refuseWithoutProfile(config: Config, targets: readonly Target[], cwd: string): Promise<void> {
  const unchosen = targets.filter(({ choice }) => choice.profile === undefined && choice.template === undefined)
  const [first] = unchosen
  if (first === undefined || config.rules.length > 0) return
  for (const target of unchosen) await refuseMissing(target, cwd)
  throw new EncodeError(
    'USAGE_INVALID',
    `Nothing says how to encode "${first.path}": no profile is named and the configuration has no rules`,
    {
      hint: 'Name one, for example "-p hevc"; "encode profiles" lists them',
    },
  )
}

async function isThere(target: Target | undefined, cwd: string): Promise<boolean> {
  return target !== undefined && (await stat(resolve(cwd, target.path)).catch(() => undefined)) !== undefined
}

async function refuseMissing(target: Target, cwd: string): Promise<void> {
  if (hasGlobMarks(target.path) || (await isThere(target, cwd))) return
  const similar = await findSimilar(resolve(cwd, target.path))
  const guess = similar === undefined ? '' : `; did you mean "${toVisible(similar)}"?`
  throw new EncodeError('USAGE_INVALID', `There is no file or folder "${target.path}"${guess}`, {
    hint: 'Correct it, and name a profile, for example "-p hevc": the configuration has no rules',
  })
}
