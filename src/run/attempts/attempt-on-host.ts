/** One attempt at a job on a host that is open, written down and told of stage by stage. */

import { join } from 'node:path'
import type { ProgramShell } from '../../core/program-shell.ts'
import type { StageProgress } from '../../job/job-context.ts'
import { runJob } from '../../job/run-job.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Emit, EventFields, Stage } from '../../model/events.ts'
import type { JobOutcome } from '../../model/outcome.ts'
import type { JobPlan } from '../../model/plan.ts'
import type { Ffprobe } from '../../plan/ffprobe.ts'
import type { AttemptPace, SlotLease } from '../../scheduler/attempt.ts'
import type { ArrivalMemory } from '../../transfer/arrival-memory.ts'
import type { OpenHost } from '../hosts/host-session.ts'
import type { RunWorld } from '../run-request.ts'
import type { Reservation } from '../space/space-book.ts'
import { createCurrentHost } from './current-host.ts'
import { createFileJournal } from './file-journal.ts'
import type { LinkMeter } from './link-meter.ts'
import { createStageTimes } from './stage-times.ts'
import type { AttemptTurns } from './transfer-turns.ts'

/** The same for all attempts of a run. */
export interface AttemptWorld {
  readonly runId: string
  readonly world: RunWorld
  readonly emit: Emit
  readonly ledger: Ledger
  readonly ffprobe: Ffprobe
  readonly programs: Pick<ProgramShell, 'run'>
  readonly flsPath: string | undefined
  readonly signal: AbortSignal
}

export interface AttemptOnHost extends AttemptWorld {
  readonly arrivals: ArrivalMemory
  readonly plan: JobPlan
  readonly attempt: number
  /** Another attempt at the job goes on meanwhile. */
  readonly isCopy: boolean
  readonly cluster: string
  readonly open: OpenHost
  /** As of `HostSession`. */
  readonly reconnect: (lost: Pick<OpenHost, 'host'>, files: readonly string[]) => Promise<OpenHost>
  /** Told what is written, so that others need not leave room for it any more. */
  readonly reservation: Pick<Reservation, 'report'>
  /** Told how long the rest will take, and where the time went. */
  readonly pace: AttemptPace
  readonly lease: SlotLease
  readonly onEncode: () => void
  /** Of the host. */
  readonly link: LinkMeter
  /** Of that link, as an earlier run has seen it. */
  readonly linkBytesPerSecond: number | undefined
  readonly turns: AttemptTurns
}

/** Rejects only when the ledger cannot be written. */
export async function attemptOnHost({
  runId,
  world,
  emit,
  ledger,
  ffprobe,
  programs,
  flsPath,
  arrivals,
  plan,
  attempt,
  isCopy,
  cluster,
  open: opened,
  reconnect,
  reservation,
  pace,
  lease,
  onEncode,
  link,
  linkBytesPerSecond,
  turns,
  signal,
}: AttemptOnHost): Promise<JobOutcome> {
  let open = opened
  const host = createCurrentHost(() => open.host)
  const { name } = host.config
  const times = createStageTimes(world.clock, link)
  ledger.startAttempt(plan.id, { host: name, attempt })
  emit('job.started', { job: plan.id, file: plan.source.path, host: name, attempt, ...(isCopy ? { copy: true } : {}) })
  const outcome = await runJob({
    plan,
    attempt,
    host,
    facts: open.facts,
    workFolder: () => open.workFolder(),
    async reconnect(files) {
      open = await reconnect(open, files)
    },
    clock: world.clock,
    slot: lease,
    signal,
    readMedia: ffprobe.read,
    runCp: programs.run,
    files: createFileJournal({ ledger, jobId: plan.id, place: { cluster, host: name }, host }),
    flsPath,
    arrivals,
    logFile: join(world.stateFolder, 'logs', runId, `${plan.id}-${attempt}.log`),
    onWarning: (message) => emit('warning', { message }),
    takeTurn: turns.take,
    // What an earlier run found out counts until this one has.
    linkBytesPerSecond: (way) => link.bytesPerSecond(way) ?? (way === 'fetch' ? linkBytesPerSecond : undefined),
    onStage(stage, result) {
      if (stage !== 'encode') turns.end()
      times.begin(stage)
      ledger.setState(plan.id, stage, { ...result, host: name, attempt })
      emit('job.stage', { job: plan.id, stage, host: name, attempt })
      if (stage === 'encode') onEncode()
    },
    flushStages: () => ledger.flush(),
    onWaiting() {
      times.begin('waiting')
      emit('job.progress', {
        ...toProgressFields('fetch', {
          percent: 100,
          fps: null,
          speed: null,
          etaSeconds: null,
          savedPercent: null,
          sizeBytes: plan.source.sizeBytes,
        }),
        waiting: true,
      })
    },
    onMoved: times.moved,
    onProgress(stage, progress) {
      if ((stage === 'fetch' || stage === 'return') && progress.sizeBytes !== null) times.moved(stage, progress.sizeBytes)
      // Of what is being ended there is nothing more to tell.
      if (signal.aborted || lease.withdrawn.aborted) return
      if (stage === 'encode' && progress.etaSeconds !== null) {
        pace.expectEnd(progress.etaSeconds)
        turns.expectEnd(progress.etaSeconds)
      }
      reservation.report(stage, progress.sizeBytes, progress.percent)
      emit('job.progress', toProgressFields(stage, progress))
    },
  })
  turns.end()
  const spent = outcome.kind === 'done' ? times.end() : undefined
  if (spent !== undefined) pace.tell(spent)
  return outcome

  function toProgressFields(stage: Stage, progress: StageProgress): EventFields['job.progress'] {
    return {
      job: plan.id,
      host: name,
      attempt,
      stage,
      percent: progress.percent,
      fps: progress.fps,
      speed: progress.speed,
      eta_s: progress.etaSeconds,
      size_bytes: progress.sizeBytes,
      saved_percent: progress.savedPercent,
    }
  }
}
