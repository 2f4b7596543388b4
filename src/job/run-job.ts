/**
 * One attempt at one job: fetch → encode → return → verify → replace. Whatever happens, the work files are removed,
 * and the source is untouched unless `replace` has put a verified result in its place.
 */

import { unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describeError, EncodeError, isEncodeError, messageOf } from '../core/errors.ts'
import { formatBytes, savedPercent } from '../core/units.ts'
import { untilAborted } from '../core/until-aborted.ts'
import { type EncoderFault, judgeEncoderFailure } from '../media/judge-encoder-failure.ts'
import type { Stage } from '../model/events.ts'
import type { JobOutcome } from '../model/outcome.ts'
import type { JobPlan } from '../model/plan.ts'
import { listEncoders } from '../profile/list-encoders.ts'
import { createRoute } from '../transfer/create-route.ts'
import type { MediaRoute } from '../transfer/media-route.ts'
import { bringBack } from './bring-back.ts'
import { bringSource } from './bring-source.ts'
import { decodeOnHost } from './decode-on-host.ts'
import { encode, FfmpegOutput } from './encode.ts'
import { type EnsuredFolder, ensureFolder } from './ensure-folder.ts'
import { followResult } from './follow-result.ts'
import { isDiskFull } from './is-disk-full.ts'
import type { EncodeSlot, JobContext } from './job-context.ts'
import { writeJobLog } from './job-log.ts'
import { judgeSourceDamage } from './judge-source-damage.ts'
import { refuseTakenName, replaceSource, statUnchanged } from './replace.ts'
import { verify } from './verify.ts'
import { type SourceWatch, watchSource } from './watch-source.ts'

/** Never rejects. */
export async function runJob(context: JobContext): Promise<JobOutcome> {
  const { plan } = context
  const stopped = AbortSignal.any([context.signal, context.slot.withdrawn])
  const temporary = toTemporaryName(plan, context.attempt)
  const folder = await openFolder(plan).catch((error: unknown) => ({ error }))
  if ('error' in folder) return stopped.aborted ? { kind: 'interrupted' } : await fail(context, folder.error)
  const watch = watchSource(context)
  let route: MediaRoute | undefined
  let isResultPlaced = false
  try {
    await context.files.note('controller', temporary)
    await refuseTakenName(plan)
    route = await createRoute({ ...context, temporary })
    const outcome = await runStages({ ...context, signal: AbortSignal.any([stopped, watch.signal]) }, route, temporary, watch)
    isResultPlaced = outcome.kind === 'done'
    if (isResultPlaced) folder.keep()
    return outcome
  } catch (error) {
    if (stopped.aborted) return { kind: 'interrupted' }
    return await fail(context, watch.signal.aborted ? watch.signal.reason : error)
  } finally {
    watch.end()
    await removeWorkFiles(context, route, temporary, isResultPlaced)
    await folder.removeIfEmpty()
  }
}

/** A source that is gone may be a share that is: nothing is made in the empty folder that stands in its place. */
async function openFolder(plan: JobPlan): Promise<EnsuredFolder> {
  await statUnchanged(plan)
  return await ensureFolder(dirname(plan.output)).catch((error: unknown) => {
    throw toFolderError(plan, error)
  })
}

async function runStages(context: JobContext, route: MediaRoute, temporary: string, watch: SourceWatch): Promise<JobOutcome> {
  const { plan, clock, slot, signal } = context
  const startedMs = clock.now()
  // Nothing is begun, or told, by an attempt that is to end.
  let current: Stage | undefined
  const begin: JobContext['onStage'] = (stage, result) => {
    signal.throwIfAborted()
    if (stage === current) return
    current = stage
    context.onStage(stage, result)
  }
  await using follower = followResult(context, route)
  const encoding: JobContext = {
    ...context,
    onStage: begin,
    onProgress(stage, progress) {
      if (stage === 'encode') follower.report(progress)
      context.onProgress(stage, progress)
    },
  }
  const early = await bringSource(encoding, route)
  let waitedMs = 0
  const isWaiting = early === undefined && !slot.hasSlot
  const granted = takeSlot(context).then((ms) => {
    waitedMs = ms
    if (early === undefined) begin('encode')
  })
  granted.catch(() => {}) // told to the encode
  if (!isWaiting) await granted
  // Decoding keeps the host as busy as encoding does.
  const onEncoded = plan.profile.verify === 'full' ? undefined : slot.release
  const verdict = early ?? (await encode({ ...encoding, onEncoded, mayEncode: isWaiting ? granted : undefined }, route))
  const isDecoded = plan.profile.verify === 'full' && verdict.kind === 'finished'
  if (!isDecoded) slot.release()
  if (verdict.kind === 'hopeless') {
    const { threshold, thresholdCheck } = plan.profile
    return skip(slot, `would save ${verdict.savedPercent} %, less than the threshold of ${threshold} % (stopped at ${thresholdCheck} %)`)
  }
  const resultBytes = await statResult(context, route)
  if (isDecoded) {
    begin('verify')
    await decodeOnHost(context, route)
    slot.release()
  }
  if (route.bringBack !== undefined) {
    await bringBack({ ...context, onStage: begin }, route, follower, resultBytes)
  }
  if (!isDecoded || route.bringBack !== undefined) begin('verify')
  await verify(context, temporary, resultBytes)
  const saved = savedPercent(plan.source.sizeBytes, resultBytes)
  // pytranscoder rounds the saving up to whole percent before it compares; 17.2 % meets a threshold of 18.
  if (plan.profile.threshold > 0 && 100 - Math.floor((resultBytes * 100) / plan.source.sizeBytes) < plan.profile.threshold) {
    return skip(slot, `saves ${saved} % (${formatBytes(resultBytes)}), less than the threshold of ${plan.profile.threshold} %`)
  }
  await judgeSourceDamage(context, verdict.stderr)
  watch.end()
  signal.throwIfAborted()
  if (!slot.claimResult()) return { kind: 'interrupted' }
  begin('replace', { temporary, outputBytes: resultBytes })
  // A power cut may take back that any other stage had begun: nothing is lost by doing it again.
  await context.flushStages()
  await replaceSource(plan, temporary, context.files, context.runCp)
  return { kind: 'done', outputBytes: resultBytes, seconds: Math.max(0, clock.now() - startedMs - waitedMs) / 1000 }
}

/** Resolves to the time for which the source lay ready; of that the job's own time is told without. */
async function takeSlot({ slot, clock, signal, onWaiting }: JobContext): Promise<number> {
  const readyMs = clock.now()
  if (!slot.hasSlot) onWaiting()
  await untilAborted(slot.take(), signal)
  return Math.max(0, clock.now() - readyMs)
}

/** Bytes of the result on the host, which must be those that arrive here. */
async function statResult({ plan, host, signal }: JobContext, route: MediaRoute): Promise<number> {
  const result = await host.statFile(route.hostResult, signal)
  if (result?.kind === 'file') return result.sizeBytes
  // A disk that was unmounted has taken both.
  await statUnchanged(plan)
  throw new EncodeError('RESULT_NOT_WHOLE', 'ffmpeg ended well but left no result', {
    hint: `Was "${dirname(route.hostResult)}" removed or mounted over meanwhile?`,
  })
}

/**
 * In the folder of the final name, so that a rename can put it there; hidden; of the same extension, by which ffmpeg knows the format.
 * Each attempt has its own: a host that was lost may write on for as long as its leash lasts, and its guard removes what it wrote.
 */
export function toTemporaryName(plan: JobPlan, attempt: number): string {
  return join(dirname(plan.output), `.encode-${basename(plan.id)}-${attempt}${plan.profile.extension}`)
}

async function removeWorkFiles(
  context: JobContext,
  route: MediaRoute | undefined,
  temporary: string,
  isResultPlaced: boolean,
): Promise<void> {
  const removed = await unlink(temporary).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
  // A ledger that fails is told of by the next state that is written to it.
  if (removed) await context.files.forget('controller', temporary).catch(() => {})
  // A host that is gone keeps the names in the journal: its guard, or the next run, removes them.
  await route?.cleanUp({ isResultPlaced: isResultPlaced && removed }).catch(() => {})
}

/** Another attempt at the job may have its result in place by now: then that counts. */
function skip(slot: EncodeSlot, reason: string): JobOutcome {
  return slot.claimResult() ? { kind: 'skipped', reason } : { kind: 'interrupted' }
}

async function fail(context: JobContext, error: unknown): Promise<JobOutcome> {
  const fault = findEncoderFault(context, error)
  const retry = judgeRetry(error) ?? fault?.retry ?? 'elsewhere'
  const reason = `${fault?.said ?? ''}${describeError(error)}`
  return { kind: 'failed', reason, log: await writeJobLog(context, error), retry }
}

interface EncoderFailure {
  readonly retry: EncoderFault
  readonly said: string
}

function findEncoderFault({ plan }: JobContext, error: unknown): EncoderFailure | undefined {
  const output = error instanceof EncodeError ? error.cause : undefined
  if (!(output instanceof FfmpegOutput)) return undefined
  const encoder = listEncoders(plan.arguments).find(({ kind }) => kind === 'video')?.encoder
  const retry = judgeEncoderFailure(output, encoder)
  if (retry === undefined) return undefined
  return { retry, said: retry === 'crowded' ? `${encoder} got no session: ` : `${encoder} did not start: ` }
}

function judgeRetry(error: unknown): 'lost' | 'no-room' | 'never' | undefined {
  if (isEncodeError(error, 'HOST_LOST')) return 'lost'
  if (isDiskFull(error)) return 'no-room'
  return isFileFault(error) ? 'never' : undefined
}

/** Faults that no other host can mend. */
function isFileFault(error: unknown): boolean {
  return (
    error instanceof EncodeError &&
    [
      'SOURCE_MISSING',
      'SOURCE_CHANGED',
      'SOURCE_UNREADABLE',
      'RESULT_NAME_TAKEN',
      'REPLACE_FAILED',
      'SOURCE_NOT_REMOVED',
      'NAME_NOT_CARRIED',
    ].includes(error.code)
  )
}

function toFolderError(plan: JobPlan, cause: unknown): EncodeError {
  return new EncodeError('REPLACE_FAILED', `The folder "${dirname(plan.output)}" cannot be made: ${messageOf(cause)}`, {
    hint: 'Choose another folder with -o, or mend its permissions',
    cause,
  })
}
