/** One run, from targets to exit status. */

import { untilAborted } from '../core/until-aborted.ts'
import { readResult } from '../ledger/finished-jobs.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import { openProbeMemory, type ProbeMemory } from '../ledger/probe-memory.ts'
import { openQueueFile, readQueueFile } from '../ledger/queue-file.ts'
import type { HostConfig } from '../model/config.ts'
import type { PlanStream } from '../plan/plan-stream.ts'
import type { PlannedFile } from '../plan/planned-file.ts'
import { type EndedReplacement, endReplacements } from './end-replacements.ts'
import { toExitStatus } from './exit-status.ts'
import { createFfmpegMemory } from './hosts/ffmpeg-memory.ts'
import { createLookPace } from './intake/look-pace.ts'
import { createPlannedIntake } from './intake/planned-intake.ts'
import { dryRun } from './look/dry-run.ts'
import { openAhead } from './open-ahead.ts'
import { prepareRun } from './prepare-run.ts'
import { recordRun } from './record-run.ts'
import { isThere } from './refuse-without-profile.ts'
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
  const findResult = (path: string) => readResult({ folder: world.stateFolder, warner: world.warner }, path)
  await using prepared = await prepareRun(request, world, { entries, memory, findResult })
  const { hosts, targets, refused, planTargets } = prepared
  await using ahead = openAhead([...hosts.values()].flat(), { ...world, how: () => ({ changesNothing: true }) })
  const { createHost } = ahead
  return await dryRun(request, { ...world, createHost }, [...refused, ...(await planTargets(targets))], hosts)
}

async function startRun(request: RunRequest, world: RunWorld): Promise<number> {
  const { cwd, clock, pid, warner } = world
  await using queue = request.queueFile === undefined ? undefined : await openQueueFile(request.queueFile, { cwd, clock, pid })
  using memory = openMemory(world, false)
  let recorded: Ledger | undefined
  const findResult = (path: string) => recorded?.findResult(path)
  await using prepared = await prepareRun(request, world, { entries: queue?.entries ?? [], memory, findResult })
  const { runId, hosts, selectAgain, ffprobe, targets, refused, openPlans, planTargets, setPace } = prepared
  using ledger = openLedger({ folder: world.stateFolder, clock, pid, warner })
  recorded = ledger
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
